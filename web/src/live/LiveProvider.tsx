import { useQueryClient } from "@tanstack/react-query";
import type { LiveEvent, LiveState } from "@zmarty/client";
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { useSession } from "~/auth/SessionProvider";
import { isGap, isStale } from "./stale";

/** At a full hour much happens at once: it is gathered for this long, and each answer is read anew once. */
const GATHER_MS = 250;

type Heard = (event: LiveEvent) => void;

interface Live {
  state: LiveState;
  listen: (heard: Heard) => () => void;
}

const Context = createContext<Live | null>(null);

/** One line of events for the whole app, while somebody is signed in. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const api = useApi();
  const cache = useQueryClient();
  const { userId } = useSession();
  const [state, setState] = useState<LiveState>("connecting");
  const listeners = useRef(new Set<Heard>());
  const [listen] = useState(() => (heard: Heard) => {
    listeners.current.add(heard);
    return () => {
      listeners.current.delete(heard);
    };
  });

  useEffect(() => {
    if (!userId) return;
    const over = new AbortController();
    let isFirst = true;
    let isAll = false;
    let gathered: LiveEvent[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const readAnew = () => {
      timer = undefined;
      const events = gathered;
      void (isAll
        ? cache.invalidateQueries()
        : cache.invalidateQueries({
            predicate: query => events.some(event => isStale(query.queryKey, event)),
          }));
      isAll = false;
      gathered = [];
    };
    const onEvent = (event: LiveEvent) => {
      isAll ||= isGap(event, isFirst);
      if (event.type === "ready" || event.type === "reset") isFirst = false;
      gathered.push(event);
      timer ??= setTimeout(readAnew, GATHER_MS);
      for (const heard of listeners.current) heard(event);
    };
    void api.follow({ onEvent, onState: setState }, over.signal);
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [api, cache, userId]);

  return <Context value={{ state, listen }}>{children}</Context>;
}

function useLive(): Live {
  const live = useContext(Context);
  if (!live) throw new Error("useLive stands outside its provider.");
  return live;
}

export function useLiveState(): LiveState {
  return useLive().state;
}

/** Hear every event while the component is on the page. */
export function useLiveEvents(heard: Heard): void {
  const { listen } = useLive();
  const newest = useRef(heard);
  useEffect(() => {
    newest.current = heard;
  });
  useEffect(() => listen(event => newest.current(event)), [listen]);
}
