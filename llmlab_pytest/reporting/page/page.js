"use strict";
// Shows the samples of the JSON blocks above. Text of a run enters the page through
// textContent only: nothing in it is ever read as markup or code.
(() => {
  const PAGE = 100;
  const CUT = 2000;
  const byId = (id) => document.getElementById(id);
  const tables = JSON.parse(byId("index").textContent);
  const WORD = /\S+\s*|\s+/g;
  const MOST_PAIRS = 4e6;
  const chunks = new Map();
  const places = new Map();
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

  // Pairs of [kind, words], where kind is 0 in both texts, 1 in the first, 2 in the second.
  function differing(first, second) {
    const before = first.match(WORD) || [];
    const after = second.match(WORD) || [];
    let head = 0;
    while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
    let tail = 0;
    const room = Math.min(before.length, after.length) - head;
    while (tail < room && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
    const a = before.slice(head, before.length - tail);
    const b = after.slice(head, after.length - tail);
    const middle = a.length * b.length > MOST_PAIRS ? [[1, a], [2, b]] : aligned(a, b);
    const whole = [[0, before.slice(0, head)], ...middle, [0, before.slice(before.length - tail)]];
    return whole.filter(([, words]) => words.length);
  }

  // The longest common subsequence; deleted words stand before those that replace them.
  function aligned(a, b) {
    const width = b.length + 1;
    const longest = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i -= 1) {
      for (let j = b.length - 1; j >= 0; j -= 1) {
        longest[i * width + j] = a[i] === b[j]
          ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
      }
    }
    const pieces = [];
    const add = (kind, word) => {
      const last = pieces[pieces.length - 1];
      if (last && last[0] === kind) last[1].push(word);
      else pieces.push([kind, [word]]);
    };
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) { add(0, a[i]); i += 1; j += 1; }
      else if (j === b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) { add(1, a[i]); i += 1; }
      else { add(2, b[j]); j += 1; }
    }
    return pieces;
  }

  function compared(first, second) {
    const pre = make("pre");
    for (const [kind, words] of differing(first, second)) {
      pre.append(make(["span", "del", "ins"][kind], words.join("")));
    }
    if (first === second) pre.replaceChildren(make("span", "The two are the same."));
    return pre;
  }

  // Completions of the same sample: [name, text], the baseline's first.
  function others(table, number, detail) {
    const [name, epoch] = tables[table].rows[number];
    const found = [];
    if (detail.before !== null) found.push([`${tables[table].before} (baseline)`, detail.before]);
    tables.forEach((other, place) => {
      if (place === table || other.task !== tables[table].task) return;
      const twin = placesOf(place).get(JSON.stringify([name, epoch]));
      const text = twin === undefined ? null : detailOf(place, twin).completion;
      if (text !== null) found.push([other.model, text]);
    });
    return found;
  }

  function placesOf(table) {
    if (!places.has(table)) {
      places.set(table, new Map(tables[table].rows.map((row, n) => [JSON.stringify(row.slice(0, 2)), n])));
    }
    return places.get(table);
  }

  function comparison(table, number, detail) {
    if (detail.completion === null) return [];
    const known = others(table, number, detail);
    if (!known.length) return [];
    const select = make("select");
    select.append(make("option", "nothing", { value: "" }));
    known.forEach(([name], place) => select.append(make("option", name, { value: place })));
    const label = make("label", "compare the completion with");
    label.append(select);
    const result = make("div", null, { role: "status" });
    const draw = () => {
      const chosen = known[select.value];
      result.replaceChildren(...(chosen ? [compared(chosen[1], detail.completion)] : []));
    };
    select.addEventListener("change", draw);
    if (detail.before !== null && detail.before !== detail.completion) {
      select.value = "0";
      draw();
    }
    return [label, result];
  }

  function shown(table, number) {
    const detail = detailOf(table, number);
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
    parts.push(...comparison(table, number, detail));
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
    detail.appendChild(make("td", null, { colspan: 5 })).append(...shown(table, number));
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
  fill(byId("table"), null, tables.map((table, number) => [`${table.task} on ${table.model}`, number]));
  for (const id of ["filter", "rows", "back", "on"]) byId(id).hidden = false;
  open();
})();
