// Rows by words and verdict; without a script the page shows all of them.
(() => {
  const form = document.getElementById("finder");
  const find = document.getElementById("find");
  const found = document.getElementById("found");
  const pieces = [...document.querySelectorAll(".piece")].map((piece) => ({
    piece,
    rows: [...piece.querySelectorAll("tbody tr")].map((row) => ({
      row, verdict: row.dataset.verdict, text: `${piece.id} ${piece.querySelector("h3").textContent} ${row.textContent}`.toLowerCase(),
    })),
  }));
  const out = (element, left) => element.toggleAttribute("data-out", left);
  const apply = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdict = form.elements.verdict.value;
    let shown = 0, all = 0;
    for (const { piece, rows } of pieces) {
      let here = 0;
      for (const { row, verdict: is, text } of rows) {
        const fits = (verdict === "all" || verdict === is) && words.every((word) => text.includes(word));
        out(row, !fits);
        here += fits;
      }
      out(piece, !here);
      shown += here;
      all += rows.length;
    }
    for (const topic of document.querySelectorAll(".topic")) out(topic, shown < all && !topic.querySelector(".piece:not([data-out])"));
    found.textContent = shown < all ? `${shown} of ${all} rows` : "";
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
})();
