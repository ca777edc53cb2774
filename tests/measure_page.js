// Measures a page in a browser: text that overlaps, contrast, width, and whatever was loaded. The result is its last line.
const texts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.textContent.trim() || element.closest("script, style, title")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
        if (box.width > 0 && box.height > 0) texts.push({ node, element, box, text: node.textContent.trim() });
    }
}
const complaints = [];
// A line's box is higher than its letters.
const inner = (box) => ({ l: box.left + 1, r: box.right - 1, t: box.top + box.height * 0.2, b: box.bottom - box.height * 0.2 });
texts.forEach((one, number) => {
    const a = inner(one.box);
    if (a.l < 0 || a.r > document.documentElement.clientWidth) complaints.push(`outside: ${one.text}`);
    for (const other of texts.slice(0, number)) {
        const b = inner(other.box);
        if (a.l < b.r && b.l < a.r && a.t < b.b && b.t < a.b) complaints.push(`overlap: ${one.text} / ${other.text}`);
    }
});
const numbers = (color) => (color.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
        const [r, g, b, a = 1] = numbers(getComputedStyle(at).backgroundColor);
        if (a > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
};
// WCAG 2.2, relative luminance and contrast ratio.
const channel = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
for (const { element, text } of texts) {
    const [one, other] = [numbers(getComputedStyle(element).color), background(element)].map(luminance);
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) complaints.push(`contrast ${ratio.toFixed(2)}: ${text}`);
}
const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
const result = document.createElement("pre");
result.id = "measured";
result.textContent = JSON.stringify({ width: innerWidth, dark, wide, texts: texts.length, loaded, complaints });
document.body.append(result);
