import DOMPurify from "dompurify";
import { Marked } from "marked";

const TAGS = [
  ..."p br hr strong em del code pre blockquote ul ol li h1 h2 h3 h4 h5 h6".split(" "),
  ..."table thead tbody tr th td a".split(" "),
];
const ATTRIBUTES = ["href", "start", "align", "target", "rel", "class"];
/** Nothing but the web: no scripts, no data, no other apps. */
const LINKS = /^https?:\/\//i;

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** The first of two walls: HTML of the model's own is text, images are their description, and links lead to the web alone. */
const marked = new Marked({
  gfm: true,
  breaks: false,
  async: false,
  renderer: {
    html: ({ text }) => escaped(text),
    image: ({ text }) => escaped(text),
    link({ href, tokens }) {
      const said = this.parser.parseInline(tokens);
      if (!LINKS.test(href)) return said;
      return `<a href="${escaped(href)}" target="_blank" rel="noopener noreferrer nofollow">${said}</a>`;
    },
  },
});
const purify = DOMPurify(window);

/** A model's markdown as HTML that is safe to show: no images, no scripts, no style of its own. */
export function htmlOf(text: string): string {
  return purify.sanitize(marked.parse(text, { async: false }), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOWED_URI_REGEXP: LINKS,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}

/** Whole blocks of a text that grows: all but the last never change again, and are not rendered again. */
export function blocksOf(text: string): string[] {
  return marked.lexer(text).flatMap(token => (token.type === "space" ? [] : [token.raw]));
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/gm;

/** While a text streams, what is begun and not ended would be shown as its signs and jump when its end comes. */
export function closed(text: string): string {
  const fences = text.match(FENCE) ?? [];
  if (fences.length % 2 === 1) return `${text}\n${fences.at(-1)?.trim() ?? "```"}`;
  const line = text.slice(text.lastIndexOf("\n") + 1);
  const bold = (line.match(/\*\*/g) ?? []).length % 2 === 1;
  const code = (line.match(/`/g) ?? []).length % 2 === 1;
  if (code) return `${text}\``;
  if (bold) return /\*\*\s*$/.test(text) ? text.replace(/\*\*\s*$/, "") : `${text.replace(/\*$/, "")}**`;
  return text;
}
