import { lazy, type ReactNode, Suspense } from "react";
import { Redirect, Route, Switch, useLocation, useSearch } from "wouter";
import { useSession } from "~/auth/SessionProvider";
import { ErrorBoundary } from "~/components/ErrorBoundary";
import { Splash } from "~/components/Splash";
import { Empty } from "~/components/states";
import { askedPath, stepPath } from "~/features/sign-in/next";
import { Shell } from "./Shell";

const SignInPage = lazy(() => import("~/features/sign-in/SignInPage"));
const WelcomePage = lazy(() => import("~/features/welcome/WelcomePage"));
const ChatPage = lazy(() => import("~/features/chat/ChatPage"));
const MarketsPage = lazy(() => import("~/features/markets/MarketsPage"));
const SymbolPage = lazy(() => import("~/features/symbol/SymbolPage"));
const CreditsPage = lazy(() => import("~/features/credits/CreditsPage"));
const AccountPage = lazy(() => import("~/features/account/AccountPage"));
const AdminPage = lazy(() => import("~/features/admin/AdminPage"));

/** Every address of the app. The API serves the app at the same ones: orchestrator_api/pages/app.py. */
export function Pages() {
  const { session } = useSession();
  const [location] = useLocation();
  const search = useSearch();
  if (session === undefined) return <Splash />;
  if (session === null && !location.startsWith("/sign-in")) {
    return <Redirect to={stepPath("", askedPath(location, search))} replace />;
  }
  return (
    <Switch>
      <Route path="/sign-in/:step?">
        <Loaded>
          <SignInPage />
        </Loaded>
      </Route>
      <Route path="/welcome">
        <Loaded>
          <WelcomePage />
        </Loaded>
      </Route>
      <Route>
        <Shell>
          <Loaded>
            <Switch>
              <Route path="/">
                <Redirect to="/chat" replace />
              </Route>
              <Route path="/chat/:conversation?" component={ChatPage} />
              <Route path="/markets" component={MarketsPage} />
              <Route path="/markets/:symbol/:timeframe" component={SymbolPage} />
              <Route path="/credits" component={CreditsPage} />
              <Route path="/account" component={AccountPage} />
              <Route path="/admin/:part?" component={AdminPage} />
              <Route>
                <Empty title="There is no such page" />
              </Route>
            </Switch>
          </Loaded>
        </Shell>
      </Route>
    </Switch>
  );
}

function Loaded({ children }: { children: ReactNode }) {
  const [location] = useLocation();
  return (
    <ErrorBoundary key={location.split("/")[1]}>
      <Suspense fallback={<Splash />}>{children}</Suspense>
    </ErrorBoundary>
  );
}
