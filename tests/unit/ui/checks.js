{
  // Texts whose contrast is below what WCAG 2.2 asks for in level AA (1.4.3).
  contrast() {
    const numbers = (text) => (text.match(/[\d.]+/g) || []).map(Number);
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) =>
      0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const ground = (element) => {
      for (let each = element; each; each = each.parentElement) {
        const color = numbers(getComputedStyle(each).backgroundColor);
        if (color.length === 3 || color[3] === 1) return color;
      }
      return [255, 255, 255];
    };
    const left = ".hidden, .skip, :disabled, noscript, [aria-busy]";
    const found = [];
    for (const element of document.body.querySelectorAll("*")) {
      const nodes = [...element.childNodes];
      const hasText = nodes.some((node) => node.nodeType === 3 && node.data.trim());
      if (!hasText || element.closest(left) || !element.checkVisibility()) continue;
      const one = light(numbers(getComputedStyle(element).color));
      const two = light(ground(element));
      const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
      if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${element.outerHTML.slice(0, 90)}`);
    }
    return found;
  },
  // Numbers everything that a keyboard should reach; returns how many there are.
  mark() {
    const all = document.querySelectorAll(
      "a[href], button, input, select, textarea, summary, [tabindex='0']",
    );
    const seen = [...all].filter(
      (e) => e.checkVisibility() && !e.disabled && e.type !== "hidden",
    );
    seen.forEach((element, number) => { element.dataset.place = number; });
    return seen.length;
  },
  // Controls that a screen reader could not name.
  nameless() {
    return [...document.querySelectorAll("input, select, textarea, button")]
      .filter((e) => e.type !== "hidden" && e.checkVisibility())
      .filter((e) => !(e.labels?.length || e.ariaLabel || e.textContent.trim()))
      .map((e) => e.outerHTML);
  },
}
