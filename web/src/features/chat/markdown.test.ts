import { describe, expect, it } from "vitest";
import { blocksOf, closed, htmlOf } from "./markdown";

describe("a model's markdown", () => {
  it("shows lists, tables and code", () => {
    expect(htmlOf("- one\n- two")).toContain("<li>one</li>");
    expect(htmlOf("| a | b |\n|---|---|\n| 1 | 2 |")).toContain("<td>1</td>");
    expect(htmlOf("```\nx < y\n```")).toContain("x &lt; y");
  });

  it.each([
    ["a script", "<script>alert(1)</script>", "<script"],
    ["a handler", '<p onclick="alert(1)">x</p>', "<p onclick"],
    ["an image", "![x](https://evil.example/x.png)", "<img"],
    ["an image as HTML", '<img src="https://evil.example/x.png">', "<img"],
    ["a frame", '<iframe src="https://evil.example"></iframe>', "<iframe"],
    ["a style", '<p style="position:fixed">x</p>', "<p style"],
    ["a form", '<form action="https://evil.example"><input></form>', "<form"],
    ["a script's address", "[x](javascript:alert(1))", "javascript:"],
    ["a data address", "[x](data:text/html,hello)", "data:"],
    ["SVG", '<svg><a xlink:href="javascript:alert(1)">x</a></svg>', "<svg"],
    ["a quote that leaves its attribute", '[x](https://e.example/"onmouseover="alert(1))', '"onmouseover'],
  ])("never shows %s", (_, text, forbidden) => {
    expect(htmlOf(text)).not.toContain(forbidden);
  });

  it("opens links in a tab of their own that knows nothing of this one", () => {
    const html = htmlOf("[docs](https://example.com)");
    expect(html).toContain('target="_blank"');
    expect(html).toContain("noopener");
  });
});

describe("while it streams", () => {
  it("is cut into blocks of which only the last changes", () => {
    const before = blocksOf("One.\n\n- a\n- b\n\nThr");
    const after = blocksOf("One.\n\n- a\n- b\n\nThree.");
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after).toHaveLength(3);
  });

  it("ends what is begun and not ended", () => {
    expect(closed("It is **very")).toBe("It is **very**");
    expect(closed("It is **very** good")).toBe("It is **very** good");
    expect(closed("It is **")).toBe("It is ");
    expect(closed("Use `a")).toBe("Use `a`");
    expect(closed("```\nx")).toBe("```\nx\n```");
  });
});
