// Tips over charts, and a filter over a table. The page says everything without it.
(() => {
  const tip = document.getElementById("tip");
  const show = (event) => {
    const said = event.target.getAttribute && event.target.getAttribute("data-tip");
    if (!said) { tip.hidden = true; return; }
    tip.textContent = said;
    tip.hidden = false;
    const edge = document.documentElement.clientWidth - tip.offsetWidth - 8;
    const left = Math.max(8, Math.min(event.clientX + 14, edge));
    const above = event.clientY - tip.offsetHeight - 14;
    tip.style.left = `${left}px`;
    tip.style.top = `${above < 8 ? event.clientY + 18 : above}px`;
  };
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerdown", show);
  document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  for (const field of document.querySelectorAll("[data-filters]")) {
    const rows = [...document.querySelectorAll(`#${field.dataset.filters} tbody tr`)];
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }
})();
