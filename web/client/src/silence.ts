/** Ends a line that has fallen silent: one that is broken in the middle would stay open for ever. */
export interface Watch {
  /** Aborted when the caller gives up, and when nothing was heard for too long. */
  signal: AbortSignal;
  heard: () => void;
  end: () => void;
}

export function watchSilence(seconds: number, given?: AbortSignal): Watch {
  const line = new AbortController();
  const giveUp = () => line.abort(given?.reason);
  const fallSilent = () => line.abort(new DOMException("Nothing was heard for too long.", "TimeoutError"));
  let timer = setTimeout(fallSilent, seconds * 1000);
  if (given?.aborted) giveUp();
  given?.addEventListener("abort", giveUp, { once: true });
  return {
    signal: line.signal,
    heard: () => {
      clearTimeout(timer);
      timer = setTimeout(fallSilent, seconds * 1000);
    },
    end: () => {
      clearTimeout(timer);
      given?.removeEventListener("abort", giveUp);
    },
  };
}
