/** A typed client of Zmarty's API without dependencies. */

import { audio, audioAddress } from "./audio.ts";
import { ask, type Question, resume } from "./chat.ts";
import { type Connection, type Options, type PathsOf, request, requestFile } from "./http.ts";
import { follow, type LiveListener } from "./live.ts";

export type { ChatDone, ChatEvent, ChatSignal, ChatUsage, Question } from "./chat.ts";
export { type Answer, ApiError, type Connection, send, UNEXPECTED, UNREACHABLE } from "./http.ts";
export { type LiveEvent, type LiveListener, type LiveState, SILENT_SECONDS_MAX } from "./live.ts";
export type * from "./schema";
export { type Watch, watchSilence } from "./silence.ts";

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
    /** What a path answers as a file, such as the CSV of the credits' history. */
    file: <P extends PathsOf<"get">>(path: P, ...given: Given<P, "get">) =>
      requestFile(connection, path, optionsOf<P, "get">(given)),
    /** Ask a question and hear the answer as it is written. */
    ask: (question: Question, options?: Stoppable) => ask(connection, question, options),
    /** Hear an answer that is being written, from its beginning; nothing when there is none. */
    resume: (conversationId: string, options?: Stoppable) => resume(connection, conversationId, options),
    /** Stop an answer that is being written; what was said until then is kept and charged. */
    stop: (conversationId: string, options: Stoppable = {}) =>
      request(connection, "delete", "/v1/chat/{id}/stream", { path: { id: conversationId }, ...options }),
    /** A spoken answer as a file, for as long as it is kept. */
    audio: (audioUrl: string, options?: Stoppable) => audio(connection, audioUrl, options),
    /** Where a player can load a spoken answer from, for an hour. */
    audioAddress: (audioUrl: string) => audioAddress(connection, audioUrl),
    follow: (listener: LiveListener, signal: AbortSignal) => follow(connection, listener, signal),
  };
}

export type Client = ReturnType<typeof createClient>;

interface Stoppable {
  signal?: AbortSignal;
}

type Method = "get" | "put" | "post" | "patch" | "delete";
/** The options may be left out where a path needs none. */
type Given<P extends PathsOf<M>, M extends Method> =
  Record<never, never> extends Options<P, M> ? [options?: Options<P, M>] : [options: Options<P, M>];

function optionsOf<P extends PathsOf<M>, M extends Method>(given: Given<P, M>): Options<P, M> {
  return (given[0] ?? {}) as Options<P, M>;
}
