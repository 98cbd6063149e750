import { useQuery } from "@tanstack/react-query";
import type { LiveState } from "@zmarty/client";
import { Clock, Coins, LineChart, MessageSquareText, Shield, UserRound, WifiOff } from "lucide-react";
import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { useApi } from "~/api/ApiProvider";
import { useSession } from "~/auth/SessionProvider";
import { whole } from "~/format";
import { useLiveState } from "~/live/LiveProvider";
import style from "./Shell.module.css";

const PLACES = [
  { path: "/chat", name: "Chat", Icon: MessageSquareText },
  { path: "/markets", name: "Markets", Icon: LineChart },
  { path: "/credits", name: "Credits", Icon: Coins },
  { path: "/account", name: "Account", Icon: UserRound },
];
const ADMIN = { path: "/admin", name: "Admin", Icon: Shield };

/** What stays while pages change: where one can go, what is left to spend, and whether news come in. */
export function Shell({ children }: { children: ReactNode }) {
  const { isOperator } = useSession();
  const [location] = useLocation();
  const places = isOperator ? [...PLACES, ADMIN] : PLACES;
  return (
    <div className={style.shell}>
      <a className={style.skip} href="#content">
        Skip to the page
      </a>
      <nav className={style.nav} aria-label="Main">
        <Link href="/chat" className={style.brand}>
          <img src="/mark.svg" alt="" width="28" height="28" />
          Zmarty
        </Link>
        <ul className={style.places}>
          {places.map(({ path, name, Icon }) => (
            <li key={path}>
              <Link
                href={path}
                className={style.place}
                aria-current={location.startsWith(path) ? "page" : undefined}
              >
                <Icon size={20} aria-hidden />
                <span>{name}</span>
              </Link>
            </li>
          ))}
        </ul>
        <div className={style.foot}>
          <LiveMark />
          <Balance />
        </div>
      </nav>
      <main className={style.content} id="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

function Balance() {
  const api = useApi();
  const { data } = useQuery({ queryKey: ["credits", "balance"], queryFn: () => api.get("/v1/credits") });
  return (
    <Link href="/credits" className={style.balance}>
      <Coins size={16} aria-hidden />
      <span className="num" data-testid="balance">
        {data ? whole(data.available) : "–"}
      </span>
      <span className="muted small">credits</span>
    </Link>
  );
}

const LIVE_WORDS: Record<LiveState, string> = {
  connecting: "Connecting",
  live: "Live",
  delayed: "Delayed",
  waiting: "Connecting again",
};

function LiveMark() {
  const state = useLiveState();
  return (
    <span className={style.live} data-state={state} role="status">
      {state === "waiting" ? (
        <WifiOff size={14} aria-hidden />
      ) : state === "delayed" ? (
        <Clock size={14} aria-hidden />
      ) : (
        <span className={style.dot} />
      )}
      {LIVE_WORDS[state]}
    </span>
  );
}
