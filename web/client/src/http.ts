import type { paths } from "./schema";

export const REQUEST_SECONDS_MAX = 30;

/** What the API refused, or why it could not be asked. `code` is stable; `message` is for people. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: string;
  /** Of the answer; 0 when none came. */
  readonly status: number;
  readonly details: Record<string, unknown>;
  readonly requestId: string | null;
  /** Seconds to wait before asking again, when the API said so. */
  readonly retryAfter: number | null;

  constructor(
    code: string,
    message: string,
    status: number,
    details: Record<string, unknown> = {},
    requestId: string | null = null,
    retryAfter: number | null = null,
  ) {
    super(message);
    this.code = code;
    this.status = status;
    this.details = details;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}

/** No answer came at all: no network, a server that is away, or one that is too slow. */
export const UNREACHABLE = "unreachable";
/** An answer came that is none of the API's, such as a proxy's page. */
export const UNEXPECTED = "unexpected_answer";

export interface Connection {
  /** Where the API is, without a slash at the end; "" is the page's own origin. */
  apiUrl: string;
  /** Asked before every request, so that a renewed token is used at once; null: nobody is signed in. */
  accessToken: () => Promise<string | null>;
  /** Called when the API refuses the token. */
  onSignedOut?: () => void;
  fetch?: typeof fetch;
}

type Method = "get" | "put" | "post" | "delete" | "patch";
type Operation<P extends keyof paths, M extends Method> = M extends keyof paths[P] ? paths[P][M] : never;
/** The paths that serve a method. */
export type PathsOf<M extends Method> = {
  [P in keyof paths]: Operation<P, M> extends { responses: unknown } ? P : never;
}[keyof paths];

type Parameters<O> = O extends { parameters: infer Given } ? Given : never;
type Query<O> = Parameters<O> extends { query?: infer Q } ? Exclude<Q, undefined> : never;
type PathParameters<O> = Parameters<O> extends { path: infer P } ? P : never;
type Body<O> = O extends { requestBody: { content: { "application/json": infer B } } } ? B : never;
type Json<R> = R extends { content: { "application/json": infer B } } ? B : undefined;
type Responses<O> = O extends { responses: infer R } ? R : never;
/** What a path answers when all went well. */
export type Answer<P extends keyof paths, M extends Method> = {
  [S in keyof Responses<Operation<P, M>>]: Json<Responses<Operation<P, M>>[S]>;
}[keyof Responses<Operation<P, M>>];

export type Options<P extends keyof paths, M extends Method> = {
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
  /** How long the whole answer may take; REQUEST_SECONDS_MAX unless said. */
  secondsMax?: number;
} & ([PathParameters<Operation<P, M>>] extends [never]
  ? { path?: undefined }
  : { path: PathParameters<Operation<P, M>> }) &
  ([Query<Operation<P, M>>] extends [never] ? { query?: undefined } : { query?: Query<Operation<P, M>> }) &
  ([Body<Operation<P, M>>] extends [never] ? { body?: undefined } : { body: Body<Operation<P, M>> });

interface Loose {
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
  secondsMax?: number;
  path?: object | undefined;
  query?: object | undefined;
  body?: unknown;
}

/** Ask a path; throws ApiError for every refusal and when nobody answers, and the caller's reason when `signal` aborts. */
export async function request<M extends Method, P extends PathsOf<M>>(
  connection: Connection,
  method: M,
  path: P,
  options: Options<P, M>,
): Promise<Answer<P, M>> {
  return (await whole(connection, method, path as string, options as Loose, jsonOf)) as Answer<P, M>;
}

/** What a path answers as a file: a CSV, an audio. The token goes in a header, so that no address carries it. */
export async function requestFile<P extends PathsOf<"get">>(
  connection: Connection,
  path: P,
  options: Options<P, "get">,
): Promise<Blob> {
  return whole(connection, "get", path as string, options as Loose, response => response.blob());
}

/** One request with the user's token; the response as it comes when it is a success. */
export async function send(
  connection: Connection,
  method: string,
  address: string,
  { signal, headers, body }: Pick<Loose, "signal" | "headers" | "body"> = {},
): Promise<Response> {
  const ask = connection.fetch ?? fetch;
  let response: Response;
  try {
    const token = await unlessAborted(connection.accessToken(), signal);
    response = await ask(connection.apiUrl + address, {
      method: method.toUpperCase(),
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
      credentials: "omit",
    });
  } catch (error) {
    throw unreachable(error, signal);
  }
  if (response.ok) return response;
  const refusal = await refusalOf(response);
  if (signal?.aborted) throw unreachable(refusal, signal);
  if (refusal.status === 401) connection.onSignedOut?.();
  throw refusal;
}

/** Read the API's refusal; what is none of its own, such as a proxy's page, is told by its status. */
export async function refusalOf(response: Response): Promise<ApiError> {
  const retryAfter = secondsUntil(response.headers.get("retry-after"));
  try {
    const told: unknown = await response.json();
    if (isRecord(told) && typeof told.error === "string" && typeof told.message === "string") {
      return new ApiError(
        told.error,
        told.message,
        response.status,
        isRecord(told.details) ? told.details : {},
        typeof told.request_id === "string" ? told.request_id : null,
        retryAfter,
      );
    }
  } catch {
    // Not JSON: said below.
  }
  return new ApiError(
    UNEXPECTED,
    `The server answered ${response.status}.`,
    response.status,
    {},
    response.headers.get("x-request-id"),
    retryAfter,
  );
}

/** Why a request that was begun has no answer: the caller's own reason when the caller gave it up. */
export function unreachable(error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) {
    const reason: unknown = signal.reason;
    return reason instanceof DOMException && reason.name === "TimeoutError"
      ? new ApiError(UNREACHABLE, "Zmarty did not answer in time. Try again in a moment.", 0)
      : reason;
  }
  if (error instanceof ApiError) return error;
  return new ApiError(UNREACHABLE, "Zmarty cannot be reached. Check your connection.", 0);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A request until its body is read: a body may break off or never end, just as its head may never come. */
async function whole<T>(
  connection: Connection,
  method: string,
  path: string,
  options: Loose,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const limit = AbortSignal.timeout((options.secondsMax ?? REQUEST_SECONDS_MAX) * 1000);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  const response = await send(connection, method, addressOf(path, options), { ...options, signal });
  try {
    return await read(response);
  } catch (error) {
    throw unreachable(error, signal);
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (response.status === 204 || text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(UNEXPECTED, "The server answered something else than Zmarty does.", response.status);
  }
}

/** A token that never comes must not outlast the request that waits for it. */
function unlessAborted<T>(value: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return value;
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    value.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}

/** `Retry-After` as seconds; it may be a date. */
function secondsUntil(told: string | null): number | null {
  if (!told) return null;
  const seconds = Number.isNaN(Number(told)) ? (Date.parse(told) - Date.now()) / 1000 : Number(told);
  return seconds > 0 ? Math.ceil(seconds) : null;
}

export function addressOf(path: string, { path: parameters, query }: Pick<Loose, "path" | "query">): string {
  const named = { ...parameters } as Record<string, unknown>;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(named[name] ?? "");
    // Browsers take these out of an address, which then is another one.
    if (["", ".", ".."].includes(value))
      throw new TypeError(`${path} cannot be asked with ${name} "${value}".`);
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query })) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one != null) search.append(name, String(one));
  }
  return search.size > 0 ? `${filled}?${search}` : filled;
}
