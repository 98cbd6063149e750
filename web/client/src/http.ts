import type { paths } from "./schema";

export const REQUEST_SECONDS_MAX = 30;

/** What the API refused, or why it could not be asked. `code` is stable; `message` is for people. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly details: Record<string, unknown> = {},
    readonly requestId: string | null = null,
    /** Seconds to wait before asking again, when the API said so. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

/** No answer came at all: no network, a server that is away, or one that is too slow. */
export const UNREACHABLE = "unreachable";

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
} & ([PathParameters<Operation<P, M>>] extends [never]
  ? { path?: undefined }
  : { path: PathParameters<Operation<P, M>> }) &
  ([Query<Operation<P, M>>] extends [never] ? { query?: undefined } : { query?: Query<Operation<P, M>> }) &
  ([Body<Operation<P, M>>] extends [never] ? { body?: undefined } : { body: Body<Operation<P, M>> });

interface Loose {
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
  path?: object | undefined;
  query?: object | undefined;
  body?: unknown;
}

/** Ask a path; throws ApiError for every refusal and when nobody answers. */
export async function request<M extends Method, P extends PathsOf<M>>(
  connection: Connection,
  method: M,
  path: P,
  options: Options<P, M>,
): Promise<Answer<P, M>> {
  const limit = AbortSignal.timeout(REQUEST_SECONDS_MAX * 1000);
  const given = options as Loose;
  const signal = given.signal ? AbortSignal.any([given.signal, limit]) : limit;
  const response = await send(connection, method, addressOf(path as string, given), { ...given, signal });
  return (response.status === 204 ? undefined : await response.json()) as Answer<P, M>;
}

/** One request with the user's token; the response as it comes when it is a success. */
export async function send(
  connection: Connection,
  method: string,
  address: string,
  { signal, headers, body }: Pick<Loose, "signal" | "headers" | "body"> = {},
): Promise<Response> {
  const token = await connection.accessToken();
  const ask = connection.fetch ?? fetch;
  let response: Response;
  try {
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
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(UNREACHABLE, "Zmarty cannot be reached. Check your connection.", 0);
  }
  if (response.ok) return response;
  const refusal = await refusalOf(response);
  if (refusal.status === 401) connection.onSignedOut?.();
  throw refusal;
}

/** Read the API's refusal; what is none of its own, such as a proxy's page, is told by its status. */
export async function refusalOf(response: Response): Promise<ApiError> {
  const wait = Number(response.headers.get("retry-after"));
  const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : null;
  try {
    const told = (await response.json()) as Record<string, unknown>;
    if (typeof told.error === "string" && typeof told.message === "string") {
      return new ApiError(
        told.error,
        told.message,
        response.status,
        (told.details ?? {}) as Record<string, unknown>,
        typeof told.request_id === "string" ? told.request_id : null,
        retryAfter,
      );
    }
  } catch {
    // Not JSON: said below.
  }
  return new ApiError(
    "unexpected_answer",
    `The server answered ${response.status}.`,
    response.status,
    {},
    null,
    retryAfter,
  );
}

function addressOf(path: string, { path: parameters, query }: Pick<Loose, "path" | "query">): string {
  const named = { ...parameters } as Record<string, unknown>;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(named[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query })) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one != null) search.append(name, String(one));
  }
  return search.size > 0 ? `${filled}?${search}` : filled;
}
