import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "@zmarty/client";

const RETRIES_MAX = 2;
/** What is not pushed is asked for again after this long, and never while the tab is hidden. */
export const QUIET_POLL_MS = 30_000;
const FRESH_MS = 10_000;

/** Only what may go better the next time is asked again. */
function isPassing(error: Error): boolean {
  return !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
}

export function queries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        retry: (failures, error) => failures < RETRIES_MAX && isPassing(error),
        refetchIntervalInBackground: false,
      },
      mutations: { retry: false },
    },
  });
}
