"use strict";
// The playground. What models wrote enters the page through textContent only: nothing
// in it is ever read as markup or code.
(() => {
  const byId = (id) => document.getElementById(id);
  const form = byId("try");
  const cards = new Map();
  let running = null;
  let waiting = null;

  function make(tag, text, kind) {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  }

  async function post(path, content, signal) {
    const reply = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(content),
      signal,
    });
    if (!reply.ok) {
      const told = await reply.json().catch(() => ({}));
      throw new Error(told.error || `The page answered ${reply.status}.`);
    }
    return reply;
  }

  function fields() {
    return [...byId("variables").querySelectorAll("[data-variable]")];
  }

  function checked(name) {
    return [...form.querySelectorAll(`input[name="${name}"]:checked`)].map((box) => box.value);
  }

  function number(id) {
    const text = byId(id).value.trim();
    return text === "" ? null : Number(text);
  }

  function wish() {
    return {
      template: byId("template").value,
      variables: Object.fromEntries(fields().map((field) => [field.dataset.variable, field.value])),
      system: byId("system").value,
      models: checked("model"),
      answers: number("answers"),
      temperature: number("temperature"),
      max_tokens: number("max_tokens"),
      expect: byId("expect").value,
      target: byId("target").value,
      scorers: byId("scorers").value.split("\n").map((line) => line.trim()).filter(Boolean),
      judges: checked("judge"),
    };
  }

  // The address holds the try, so that it can be kept, sent and gone back to.
  function remember(tried) {
    const query = new URLSearchParams();
    for (const name of ["template", "system", "expect", "target"]) if (tried[name]) query.set(name, tried[name]);
    for (const [name, value] of Object.entries(tried.variables)) {
      query.append("var", name);
      query.set(`var_${name}`, value);
    }
    for (const model of tried.models) query.append("model", model);
    for (const judge of tried.judges) query.append("judge", judge);
    if (tried.scorers.length) query.set("scorers", tried.scorers.join("\n"));
    for (const name of ["answers", "temperature", "max_tokens"]) {
      if (tried[name] !== null && !(name === "answers" && tried[name] === 1)) query.set(name, tried[name]);
    }
    const address = `/play?${query}`;
    if (address.length < 6000 && address !== location.pathname + location.search) history.pushState(null, "", address);
  }

  async function learn() {
    const given = fields().map((field) => field.dataset.variable);
    let found;
    try {
      found = await (await post("/play/needs", { template: byId("template").value, given })).json();
    } catch (error) {
      found = { variables: given, missing: [], trouble: error.message };
    }
    byId("trouble").textContent = found.trouble;
    byId("trouble").hidden = !found.trouble;
    if (found.trouble) return;
    for (const field of fields()) {
      // A field with a text stays: its variable may only be away while one types.
      if (!found.variables.includes(field.dataset.variable) && !field.value) field.parentElement.remove();
    }
    for (const name of found.missing) {
      const holder = make("label", name);
      const field = make("textarea");
      field.rows = 1;
      field.dataset.variable = name;
      holder.append(field);
      byId("variables").append(holder);
    }
  }

  function begin(names) {
    cards.clear();
    byId("results").hidden = false;
    byId("results").scrollIntoView({ block: "nearest" });
    byId("cards").replaceChildren();
    byId("base").replaceChildren(new Option("none", ""));
    byId("comparing").hidden = true;
    for (const { place, name } of names) {
      const section = make("section", null, "card");
      section.setAttribute("aria-busy", "true");
      const facts = make("p", "waiting …", "soft");
      const text = make("pre");
      text.tabIndex = 0;
      text.setAttribute("aria-label", `answer of ${name}`);
      const scores = make("ul", null, "scores");
      section.append(make("h3", name), facts, text, scores);
      byId("cards").append(section);
      cards.set(place, { section, facts, text, scores, name, said: null });
    }
  }

  function piece(event) {
    const card = cards.get(event.place);
    if (event.fresh) card.text.textContent = "";
    card.text.append(event.text);
  }

  function arrived(event) {
    const card = cards.get(event.place);
    card.section.removeAttribute("aria-busy");
    if (event.error) {
      card.section.classList.add("wrong");
      card.facts.textContent = `no answer · ${event.cost}`;
      card.text.textContent = event.error;
      return;
    }
    card.said = event.text;
    card.facts.textContent = event.facts.join(" · ");
    card.text.textContent = event.text;
    card.scores.replaceChildren(...event.scores.map((given) => {
      const line = make("li");
      line.append(make("span", `${given.scorer} ${given.value}`, given.is_right ? "state hit" : given.is_wrong ? "state miss" : "state"));
      if (given.why) line.append(` ${given.why}`);
      return line;
    }));
    byId("base").append(new Option(card.name, String(event.place)));
    byId("comparing").hidden = byId("base").options.length < 3;
  }

  function progress() {
    const all = [...cards.values()];
    const done = all.filter((card) => !card.section.hasAttribute("aria-busy")).length;
    byId("state").textContent = `${done} of ${all.length} answers`;
  }

  function take(event) {
    if (event.kind === "begin") begin(event.answers);
    if (event.kind === "text") piece(event);
    if (event.kind === "answer") arrived(event);
    if (event.kind === "end") byId("state").textContent = `This try cost ${event.cost}. Spent since the page was started: ${event.spent}`;
    else progress();
  }

  async function read(reply) {
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    let isEnded = false;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const event = JSON.parse(line);
        take(event);
        isEnded = isEnded || event.kind === "end";
      }
    }
    if (!isEnded) throw new Error("The page stopped before all answers were there; what was asked may be billed.");
  }

  function settle() {
    for (const card of cards.values()) {
      if (!card.section.hasAttribute("aria-busy")) continue;
      card.section.removeAttribute("aria-busy");
      card.facts.textContent = "stopped; what was asked may be billed";
    }
  }

  async function ask() {
    if (running) return;
    const tried = wish();
    running = new AbortController();
    byId("ask").disabled = true;
    byId("stop").hidden = false;
    byId("trouble").hidden = true;
    byId("state").textContent = "Asking …";
    remember(tried);
    try {
      await read(await post("/play/ask", tried, running.signal));
    } catch (error) {
      const isStopped = error.name === "AbortError";
      byId("state").textContent = isStopped ? "Stopped; what was asked may be billed." : "Not asked, or not to the end.";
      byId("trouble").textContent = isStopped ? "" : error.message;
      byId("trouble").hidden = isStopped;
      settle();
    } finally {
      running = null;
      byId("ask").disabled = false;
      byId("stop").hidden = true;
    }
  }

  async function compare() {
    const base = cards.get(Number(byId("base").value));
    for (const card of cards.values()) {
      if (card.said === null) continue;
      if (byId("base").value === "" || card === base) {
        card.text.textContent = card.said;
        continue;
      }
      const pieces = await (await post("/play/differ", { first: base.said, second: card.said })).json();
      const tags = { same: "span", gone: "del", new: "ins" };
      card.text.replaceChildren(...pieces.map(([kind, text]) => make(tags[kind], text)));
    }
  }

  async function save() {
    try {
      const content = { try: wish(), name: byId("name").value.trim(), as: byId("kind").value };
      const { path } = await (await post("/play/save", content)).json();
      byId("saved").textContent = `Wrote ${path}. Run it: pytest ${path}`;
    } catch (error) {
      byId("saved").textContent = error.message;
    }
  }

  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); ask(); }
  });
  byId("template").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(learn, 250); });
  byId("stop").addEventListener("click", () => running && running.abort());
  byId("base").addEventListener("change", compare);
  byId("save").addEventListener("click", save);
  // Going back shows the try of that address; a page that comes from the server has it.
  addEventListener("popstate", () => location.reload());
  learn();
})();
