"use strict";
// Shows the samples of the JSON blocks above. Text of a run enters the page through
// textContent only: nothing in it is ever read as markup or code.
(() => {
  const PAGE = 100;
  const CUT = 2000;
  const byId = (id) => document.getElementById(id);
  const tables = JSON.parse(byId("index").textContent);
  const chunks = new Map();
  let found = [];
  let first = 0;

  // A row of the index: [sample, epoch, outcome, group, score, prediction, target].
  function detailOf(table, number) {
    const key = `part-${table}-${Math.floor(number / tables[table].part)}`;
    if (!chunks.has(key)) chunks.set(key, JSON.parse(byId(key).textContent));
    return chunks.get(key)[number % tables[table].part];
  }

  function make(tag, text, attributes = {}) {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) {
      element.setAttribute(name, value);
    }
    return element;
  }

  function block(title, text) {
    const parts = [make("h3", title)];
    const pre = make("pre", text);
    parts.push(pre);
    if (text.length > CUT) {
      const half = CUT / 2;
      pre.textContent = `${text.slice(0, half)}\n[… ${text.length - CUT} characters …]\n${text.slice(-half)}`;
      const all = make("button", `Show all ${text.length.toLocaleString("en")} characters`, { type: "button" });
      all.addEventListener("click", () => { pre.textContent = text; all.remove(); });
      parts.push(all);
    }
    return parts;
  }

  function grid(headings, lines) {
    const scroll = make("div", null, { class: "scroll" });
    const table = scroll.appendChild(make("table"));
    const head = table.appendChild(make("thead")).appendChild(make("tr"));
    for (const [name, kind] of headings) head.append(make("th", name, { scope: "col", class: kind }));
    const body = table.appendChild(make("tbody"));
    for (const { cells, kind } of lines) {
      const row = body.appendChild(make("tr", null, { class: kind || "" }));
      cells.forEach((cell, n) => row.append(make("td", cell, { class: headings[n][1] })));
    }
    return scroll;
  }

  function shown(detail) {
    const parts = [];
    if (detail.error) parts.push(...block("Error", detail.error));
    for (const [role, text] of detail.prompt) parts.push(...block(role, text));
    if (detail.choices.length) {
      parts.push(make("h3", "Choices"));
      parts.push(grid(
        [["choice", ""], ["log-likelihood", "number"], ["tokens", "number"], ["greedy", ""], ["right", ""]],
        detail.choices.map(([text, value, tokens, greedy, right]) => ({
          cells: [text, value, tokens, greedy ? "yes" : "", right ? "✓" : ""],
          kind: right ? "right" : "",
        })),
      ));
    }
    if (detail.completion !== null) parts.push(...block("Completion", detail.completion));
    if (detail.target) parts.push(...block("Target", detail.target));
    if (detail.scores.length) {
      parts.push(make("h3", "Scores"));
      parts.push(grid(
        [["score", ""], ["value", "number"], ["prediction", ""], ["explanation", ""]],
        detail.scores.map((cells) => ({ cells })),
      ));
    }
    if (detail.took) parts.push(make("p", detail.took, { class: "soft" }));
    return parts;
  }

  function toggle(button, row, table, number) {
    const next = row.nextElementSibling;
    if (next && next.classList.contains("detail")) {
      next.remove();
      button.setAttribute("aria-expanded", "false");
      return;
    }
    const detail = make("tr", null, { class: "detail" });
    detail.appendChild(make("td", null, { colspan: 5 })).append(...shown(detailOf(table, number)));
    row.after(detail);
    button.setAttribute("aria-expanded", "true");
  }

  function lineOf(table, number) {
    const [name, epoch, outcome, , score, prediction, target] = tables[table].rows[number];
    const row = make("tr");
    const button = make("button", epoch > 1 || tables[table].epochs > 1 ? `${name} (${epoch})` : name,
      { type: "button", class: "open", "aria-expanded": "false" });
    button.addEventListener("click", () => toggle(button, row, table, number));
    row.appendChild(make("td")).append(button);
    row.append(
      make("td", outcome, { class: `state ${outcome}` }),
      make("td", score, { class: "value", "data-name": "score" }),
      make("td", prediction, { "data-name": "prediction" }),
      make("td", target, { "data-name": "target" }),
    );
    return row;
  }

  function draw() {
    const page = found.slice(first, first + PAGE);
    byId("rows").tBodies[0].replaceChildren(...page.map(([table, number]) => lineOf(table, number)));
    byId("count").textContent = found.length
      ? `${first + 1}–${first + page.length} of ${found.length.toLocaleString("en")} samples`
      : "No sample matches.";
    byId("back").disabled = first === 0;
    byId("on").disabled = first + PAGE >= found.length;
  }

  function holds(table, number, wanted) {
    return JSON.stringify([tables[table].rows[number], detailOf(table, number)]).toLowerCase().includes(wanted);
  }

  function choose() {
    const table = Number(byId("table").value);
    const outcome = byId("outcome").value;
    const stratum = byId("stratum").value;
    // As it stands between the quotes of the JSON that is searched.
    const wanted = JSON.stringify(byId("text").value.toLowerCase()).slice(1, -1);
    found = [];
    tables[table].rows.forEach((row, number) => {
      if (outcome && row[2] !== outcome) return;
      if (stratum && row[3] !== stratum) return;
      if (wanted && !holds(table, number, wanted)) return;
      found.push([table, number]);
    });
    first = 0;
    draw();
  }

  function fill(select, all, names) {
    const options = names.map(([name, value]) => make("option", name, { value }));
    select.replaceChildren(...(all ? [make("option", all, { value: "" })] : []), ...options);
    select.parentElement.hidden = names.length < 2;
  }

  function counted(rows, column) {
    const counts = new Map();
    for (const row of rows) {
      if (row[column] !== null) counts.set(row[column], (counts.get(row[column]) || 0) + 1);
    }
    return [...counts].sort().map(([name, count]) => [`${name} (${count.toLocaleString("en")})`, name]);
  }

  function open() {
    const { rows } = tables[Number(byId("table").value)];
    fill(byId("outcome"), "all", counted(rows, 2));
    fill(byId("stratum"), "all", counted(rows, 3));
    choose();
  }

  function turn(step) {
    first += step * PAGE;
    draw();
    byId("samples-title").scrollIntoView();
  }

  if (!tables.length) return;
  let waiting;
  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  byId("table").addEventListener("change", open);
  byId("outcome").addEventListener("change", choose);
  byId("stratum").addEventListener("change", choose);
  byId("text").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(choose, 250);
  });
  byId("back").addEventListener("click", () => turn(-1));
  byId("on").addEventListener("click", () => turn(1));
  fill(byId("table"), null, tables.map((table, number) => [table.title, number]));
  for (const id of ["filter", "rows", "back", "on"]) byId(id).hidden = false;
  open();
})();
