import { ApiError, addressOf, type Connection, send, unreachable } from "./http.ts";

const AUDIO_SECONDS_MAX = 60;
const PATH = /^\/v1\/voice\/([0-9a-fA-F-]{36})$/;

/** Where a player can load a spoken answer from, for an hour and without a token. */
export function audioAddress(connection: Connection, audioUrl: string): string {
  idOf(audioUrl);
  return connection.apiUrl + audioUrl;
}

/** A spoken answer as a file. With the owner's token it opens for seven days, longer than its link. */
export async function audio(
  connection: Connection,
  audioUrl: string,
  { signal }: { signal?: AbortSignal } = {},
): Promise<Blob> {
  const limit = AbortSignal.timeout(AUDIO_SECONDS_MAX * 1000);
  const either = signal ? AbortSignal.any([signal, limit]) : limit;
  const address = addressOf("/v1/voice/{id}", { path: { id: idOf(audioUrl) } });
  const response = await send(connection, "get", address, { signal: either });
  try {
    return await response.blob();
  } catch (error) {
    throw unreachable(error, either);
  }
}

/** A link of any other kind is none of ours, and no token goes there. */
function idOf(audioUrl: string): string {
  const [, id] = PATH.exec(audioUrl.split("?")[0] ?? "") ?? [];
  if (!id) throw new ApiError("field_invalid", "This is no link to a spoken answer.", 0);
  return id;
}
