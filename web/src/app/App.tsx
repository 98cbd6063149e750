import { QueryClientProvider } from "@tanstack/react-query";
import { Suspense, use, useState } from "react";
import { Router } from "wouter";
import { ApiProvider } from "~/api/ApiProvider";
import { queries } from "~/api/queries";
import { SessionProvider } from "~/auth/SessionProvider";
import { ErrorBoundary } from "~/components/ErrorBoundary";
import { Splash } from "~/components/Splash";
import { ToastProvider } from "~/components/toast";
import { LiveProvider } from "~/live/LiveProvider";
import { loadConfig } from "./config";
import { Pages } from "./Pages";
import { ThemeProvider } from "./theme";

export function App() {
  return (
    <ThemeProvider>
      <ErrorBoundary>
        <Suspense fallback={<Splash />}>
          <Configured />
        </Suspense>
      </ErrorBoundary>
    </ThemeProvider>
  );
}

let loading: ReturnType<typeof loadConfig> | null = null;

function Configured() {
  loading ??= loadConfig();
  const config = use(loading);
  const [client] = useState(queries);
  return (
    <QueryClientProvider client={client}>
      <Router>
        <SessionProvider config={config}>
          <ApiProvider apiUrl={config.api_url}>
            <LiveProvider>
              <ToastProvider>
                <Pages />
              </ToastProvider>
            </LiveProvider>
          </ApiProvider>
        </SessionProvider>
      </Router>
    </QueryClientProvider>
  );
}
