// Shows /openapi.json as pages for people: groups, endpoints, parameters, bodies, answers, errors.
import { element, prose } from "/pages/dom.js";

const METHODS = ["get", "put", "post", "patch", "delete"];
const GROUPS = ["Chat", "Symbols", "Market", "Credits", "Health", "Operators", "Pages"];
const DEPTH_MAX = 6;
const EXAMPLES = { symbol: "BTC/USDT", timeframe: "1h", message: "How does BTC look?" };

const state = document.getElementById("state");
try {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  show(await answer.json());
  state.hidden = true;
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
} catch (error) {
  state.className = "notice bad";
  state.textContent = `The documentation could not be loaded (${error.message}). Reload the page to try again.`;
}

function show(api) {
  document.getElementById("intro").append(
    ...api.info.description.trim().split(/\n\n/).map((paragraph) => element("p", { class: "soft" }, prose(paragraph))),
  );
  const contents = document.getElementById("contents");
  // On a phone the list would stand before everything else: it opens when asked for.
  contents.open = !matchMedia("(max-width: 52rem)").matches;
  const operations = document.getElementById("operations");
  for (const [group, members] of grouped(api)) {
    contents.append(element("h2", {}, group));
    operations.append(element("h2", { class: "group" }, group));
    for (const { path, method, operation } of members) {
      contents.append(element("a", { href: `#${operation.operationId}`, title: `${method.toUpperCase()} ${path}` }, operation.summary));
      operations.append(card(api, path, method, operation));
    }
  }
}

function grouped(api) {
  const groups = new Map(GROUPS.map((name) => [name, []]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const group = item[method].tags[0];
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push({ path, method, operation: item[method] });
    }
  }
  return [...groups].filter(([, members]) => members.length);
}

function card(api, path, method, operation) {
  const body = operation.requestBody?.content["application/json"]?.schema;
  return element(
    "article",
    { class: "panel operation", id: operation.operationId },
    element(
      "header",
      {},
      element("span", { class: `method ${method}` }, method.toUpperCase()),
      element("span", { class: "path" }, path),
      operation.security && element("span", { class: "lock small soft" }, operation.tags[0] === "Operators" ? "operator’s token" : "token"),
    ),
    element("h3", {}, operation.summary),
    operation.description && element("p", { class: "soft" }, prose(operation.description)),
    operation.parameters.length > 0 && parameters(operation.parameters),
    body && element("h4", {}, "Body"),
    body && element("pre", {}, shape(api, body)),
    element("h4", {}, "Answers"),
    answers(api, operation.responses),
    element("details", {}, element("summary", {}, "Try it"), element("pre", {}, curl(api, path, method, operation, body))),
  );
}

function parameters(list) {
  const rows = list.map((parameter) =>
    element(
      "tr",
      {},
      element("td", {}, element("code", {}, parameter.name), parameter.required ? "" : element("span", { class: "soft small" }, " optional")),
      element("td", { class: "soft" }, parameter.in),
      element("td", {}, element("code", {}, typeOf({}, parameter.schema)), parameter.description ? [" · ", ...prose(parameter.description)] : ""),
    ),
  );
  return element("div", { class: "wide" }, element("table", {}, element("tbody", {}, rows)));
}

function answers(api, responses) {
  const rows = Object.entries(responses).map(([status, response]) => {
    const [mediaType, content] = Object.entries(response.content ?? {})[0] ?? [];
    const isError = Number(status) >= 400 && response.content?.["application/json"]?.schema.$ref?.endsWith("/ErrorAnswer");
    const model = !isError && content && (content.schema.$ref || content.schema.properties) ? shape(api, content.schema) : null;
    return element(
      "tr",
      {},
      element("td", { class: "number" }, element("code", {}, status)),
      element(
        "td",
        {},
        prose(response.description),
        mediaType && mediaType !== "application/json" ? element("span", { class: "soft small" }, ` ${mediaType}`) : null,
        model && element("details", {}, element("summary", {}, "Shape"), element("pre", {}, model)),
      ),
    );
  });
  return element("div", { class: "wide" }, element("table", {}, element("tbody", {}, rows)));
}

function resolve(api, schema) {
  return schema.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema;
}

function shape(api, schema, indent = "", depth = 0) {
  const found = resolve(api, schema);
  const variants = (found.anyOf ?? found.oneOf ?? []).filter((variant) => variant.type !== "null");
  if (variants.length === 1) return `${shape(api, variants[0], indent, depth)} | null`.replace(/ \| null$/, hasNull(found) ? " | null" : "");
  if (found.type === "array" && found.items) return `[${shape(api, found.items, indent, depth)}, …]`;
  if (!found.properties || depth >= DEPTH_MAX) return typeOf(api, found);
  const inner = `${indent}  `;
  const lines = Object.entries(found.properties).map(([name, property]) => {
    const note = resolve(api, property).description ?? property.description;
    const required = !found.required || found.required.includes(name);
    return `${inner}"${name}"${required ? "" : "?"}: ${shape(api, property, inner, depth + 1)}${note && !resolve(api, property).properties ? `  // ${note}` : ""}`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

function hasNull(schema) {
  return (schema.anyOf ?? []).some((variant) => variant.type === "null");
}

function typeOf(api, schema) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) return [...new Set(schema.anyOf.filter((variant) => variant.type !== "null").map((variant) => typeOf(api, resolve(api, variant))))].join(" | ");
  const bounds = [
    schema.minimum !== undefined && `≥ ${schema.minimum}`,
    schema.maximum !== undefined && `≤ ${schema.maximum}`,
    schema.maxLength !== undefined && `up to ${schema.maxLength} characters`,
    schema.default !== undefined && schema.default !== null && `default ${JSON.stringify(schema.default)}`,
  ].filter(Boolean);
  const type = schema.format === "date-time" ? "time" : (schema.type ?? "any");
  return bounds.length ? `${type}, ${bounds.join(", ")}` : type;
}

function curl(api, path, method, operation, body) {
  const parts = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${location.origin}${path.replace("{symbol}", "BTC-USDT").replace("{timeframe}", "1h")}`];
  if (operation.security) parts.push(`-H "Authorization: Bearer $TOKEN"`);
  if (body) parts.push(`-H "Content-Type: application/json"`, `-d '${example(api, body)}'`);
  return parts.join(" \\\n  ");
}

function example(api, schema) {
  const found = resolve(api, schema);
  const names = Object.keys(found.properties ?? {}).filter((name) => found.required?.includes(name) || EXAMPLES[name]);
  return JSON.stringify(Object.fromEntries(names.filter((name) => name in EXAMPLES).map((name) => [name, EXAMPLES[name]])));
}
