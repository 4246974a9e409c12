"""A door for programs that speak to FlexMeasures: the routes that flexmeasures-client drives, on this service's store.

``quantities`` numbers, times and units as such a program writes them · ``sources`` what a translation asks of sensors ·
``devices`` a flex-model as plant · ``contexts`` a flex-context as a connection and loads · ``translation`` both as a
site to plan · ``bodies`` what goes in · the rest the routes. What cannot be said in our kinds is refused by its name;
see ``docs/flexmeasures.md``.
"""
