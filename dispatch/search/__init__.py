"""Ways to a good plan and a proven bound where one call of the solver is not enough: matrices in, an answer out.

``blocks`` splits a problem into plants that only meet at the buses; ``columns`` prices them against each other until a
bound stands; ``recovery`` makes whole numbers of a relaxation; ``hunt`` proves from there what a park can reach, and
``portfolio`` proves and improves side by side. None of them knows what a unit or a battery is.
"""
