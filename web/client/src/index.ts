/** A typed client of Zmarty's API without dependencies. */

import { type Connection, type Options, type PathsOf, request } from "./http";
import { follow, type LiveListener } from "./live";

export { type Answer, ApiError, type Connection, send, UNREACHABLE } from "./http";
export type { LiveEvent, LiveListener, LiveState } from "./live";
export type * from "./schema";

/** Everything that can be asked, with the paths of `/openapi.json` and the types of its models. */
export function createClient(connection: Connection) {
  return {
    connection,
    get: <P extends PathsOf<"get">>(path: P, ...given: Given<P, "get">) =>
      request(connection, "get", path, optionsOf<P, "get">(given)),
    put: <P extends PathsOf<"put">>(path: P, ...given: Given<P, "put">) =>
      request(connection, "put", path, optionsOf<P, "put">(given)),
    post: <P extends PathsOf<"post">>(path: P, ...given: Given<P, "post">) =>
      request(connection, "post", path, optionsOf<P, "post">(given)),
    patch: <P extends PathsOf<"patch">>(path: P, ...given: Given<P, "patch">) =>
      request(connection, "patch", path, optionsOf<P, "patch">(given)),
    delete: <P extends PathsOf<"delete">>(path: P, ...given: Given<P, "delete">) =>
      request(connection, "delete", path, optionsOf<P, "delete">(given)),
    follow: (listener: LiveListener, signal: AbortSignal) => follow(connection, listener, signal),
  };
}

export type Client = ReturnType<typeof createClient>;

type Method = "get" | "put" | "post" | "patch" | "delete";
/** The options may be left out where a path needs none. */
type Given<P extends PathsOf<M>, M extends Method> =
  Record<never, never> extends Options<P, M> ? [options?: Options<P, M>] : [options: Options<P, M>];

function optionsOf<P extends PathsOf<M>, M extends Method>(given: Given<P, M>): Options<P, M> {
  return (given[0] ?? {}) as Options<P, M>;
}
