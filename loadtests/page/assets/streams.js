// Draws what streams.json tells below Locust's own charts, on their tab.
(() => {
  const COLOURS = ["#00ca5a", "#ff9f00", "#9966cc"], WIDE = 1000, HIGH = 220, LEFT = 64, TOP = 8, BOTTOM = 24;
  const box = document.createElement("section");
  box.id = "streams";
  box.style.cssText = "padding:0 24px 48px;font:14px/1.5 Roboto,Helvetica,Arial,sans-serif";
  box.hidden = true;
  document.body.append(box);
  const onCharts = () => new URLSearchParams(location.search).get("tab") === "charts";
  const shown = value => value >= 100 ? Math.round(value).toLocaleString("en") : String(Math.round(value * 10) / 10);
  const clock = at => new Date(at * 1000).toLocaleTimeString("en-GB");

  const steps = most => {
    const rough = most / 4, size = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map(each => each * size).find(each => each >= rough);
    return Array.from({ length: Math.floor(most / step) + 1 }, (_, number) => number * step);
  };

  const path = (values, x, y) => {
    let pen = "M", said = "";
    values.forEach((value, place) => {
      if (value === null) { pen = "M"; return; }
      said += `${pen}${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
    });
    return said;
  };

  const draw = ({ title, lines }, times) => {
    const seen = lines.flatMap(line => line.values).filter(value => value !== null);
    const most = Math.max(...seen, 1) * 1.08;
    const x = place => LEFT + (WIDE - LEFT - 8) * (times.length < 2 ? 0 : place / (times.length - 1));
    const y = value => TOP + (HIGH - TOP - BOTTOM) * (1 - value / most);
    const rules = steps(most).map(value => `<line x1="${LEFT}" x2="${WIDE - 8}" y1="${y(value)}" y2="${y(value)}" stroke="currentColor" opacity=".15"/>
      <text x="${LEFT - 8}" y="${y(value) + 4}" text-anchor="end" fill="currentColor" opacity=".7" font-size="12">${shown(value)}</text>`);
    const paths = lines.map((line, number) => `<path d="${path(line.values, x, y)}" fill="none" stroke="${COLOURS[number]}" stroke-width="2" stroke-linejoin="round"/>`);
    const ends = [[0, "start"], [times.length - 1, "end"]].map(([place, anchor]) =>
      `<text x="${x(place)}" y="${HIGH - 6}" text-anchor="${anchor}" fill="currentColor" opacity=".7" font-size="12">${clock(times[place])}</text>`);
    const last = lines.map((line, number) => {
      const now = line.values.at(-1);
      return `<span style="color:${COLOURS[number]}">&#9632;</span> ${line.name} <b>${now === null ? "&ndash;" : shown(now)}</b>`;
    });
    return `<figure style="margin:24px 0 0"><figcaption style="display:flex;justify-content:space-between;flex-wrap:wrap">
      <b style="font-size:16px">${title}</b><span>${last.join(" &nbsp; ")}</span></figcaption>
      <svg viewBox="0 0 ${WIDE} ${HIGH}" width="100%" role="img" aria-label="${title}">${rules.join("")}${paths.join("")}${ends.join("")}</svg></figure>`;
  };

  const look = async () => {
    if (!onCharts()) return;
    const told = await (await fetch("./streams.json")).json();
    box.innerHTML = told.times.length ? told.charts.map(chart => draw(chart, told.times)).join("") : "";
  };
  // Locust turns its tabs without an event that others could hear.
  setInterval(() => {
    if (box.hidden !== !onCharts()) { box.hidden = !onCharts(); look().catch(() => {}); }
  }, 200);
  setInterval(() => look().catch(() => {}), 2000);
})();
