import { Dialog as Drawer } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { ApiError } from "@zmarty/client";
import { History as HistoryIcon, MessageSquareOff, SquarePen } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useLocation, useParams, useSearch } from "wouter";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import { useTitle } from "~/components/layout";
import { Empty, SkeletonRows, Trouble } from "~/components/states";
import { askedIn } from "./asked";
import style from "./ChatPage.module.css";
import { Conversation } from "./Conversation";
import { type ChatMessage, conversationFrom } from "./messages";

// The page is there before its list of earlier conversations: a question can be asked meanwhile.
const History = lazy(async () => ({ default: (await import("./History")).History }));

const MESSAGES_MAX = 200;
const NONE: ChatMessage[] = [];

export default function ChatPage() {
  const { conversation } = useParams<{ conversation?: string }>();
  const [, navigate] = useLocation();
  const asked = new URLSearchParams(useSearch());
  // The next new conversation, and the last one that began as such: it stays as it is when it gets its address.
  const [draft, setDraft] = useState(() => crypto.randomUUID());
  const [begun, setBegun] = useState<{ id: string; title: string } | null>(null);
  const [isDrawerOpen, setDrawerOpen] = useState(false);
  if (conversation === undefined && begun?.id === draft) {
    setDraft(crypto.randomUUID());
    setBegun(null);
  }
  const id = conversation ?? draft;
  const isNew = id === draft;

  const beNew = () => {
    setDrawerOpen(false);
    navigate("/chat");
  };
  const begin = (question: string) => {
    if (conversation !== undefined) return;
    navigate(`/chat/${draft}`, { replace: true });
    setBegun({ id: draft, title: question });
  };
  const history = (
    <Suspense fallback={<SkeletonRows rows={6} />}>
      <History
        current={conversation}
        onNew={beNew}
        onChosen={() => setDrawerOpen(false)}
        onGone={() => navigate("/chat", { replace: true })}
      />
    </Suspense>
  );
  const shared = { onBegun: begin, onNew: beNew, symbol: asked.get("symbol"), draft: asked.get("ask") ?? "" };

  return (
    <div className={style.chat}>
      <aside className={style.side} aria-label="History">
        {history}
      </aside>
      <section className={style.main}>
        <header className={style.head}>
          <Button kind="quiet" isIcon aria-label="Your conversations" onClick={() => setDrawerOpen(true)}>
            <HistoryIcon size={20} aria-hidden />
          </Button>
          <Heading id={id} isNew={isNew} first={begun?.id === id ? begun.title : "Chat"} />
          <Button kind="quiet" isIcon aria-label="New conversation" onClick={beNew}>
            <SquarePen size={20} aria-hidden />
          </Button>
        </header>
        {isNew ? (
          <Conversation key={id} id={id} stored={NONE} isKnown={false} {...shared} />
        ) : (
          <Opened key={id} id={id} {...shared} />
        )}
      </section>
      <Drawer.Root open={isDrawerOpen} onOpenChange={setDrawerOpen}>
        <Drawer.Portal>
          <Drawer.Backdrop className={style.veil} />
          <Drawer.Popup className={style.drawer}>
            <Drawer.Title className="visually-hidden">Your conversations</Drawer.Title>
            {history}
          </Drawer.Popup>
        </Drawer.Portal>
      </Drawer.Root>
    </div>
  );
}

/** `first` is what it is called until the API has a title for it: the first question. */
function Heading({ id, isNew, first }: { id: string; isNew: boolean; first: string }) {
  const api = useApi();
  const { data } = useQuery({
    queryKey: ["conversations", "one", id],
    queryFn: () => api.get("/v1/conversations/{conversation_id}", { path: { conversation_id: id } }),
    enabled: !isNew,
    retry: false,
  });
  const title = data?.title ?? first;
  useTitle(title);
  return <h1 className={style.title}>{title}</h1>;
}

type Shared = Pick<Parameters<typeof Conversation>[0], "onBegun" | "onNew" | "symbol" | "draft">;

function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** A conversation that was had before: it is read, then gone on with. */
function Opened({ id, ...shared }: { id: string } & Shared) {
  const api = useApi();
  const { data, error, refetch } = useQuery({
    queryKey: ["messages", id],
    queryFn: async () => {
      const page = await api.get("/v1/conversations/{conversation_id}/messages", {
        path: { conversation_id: id },
        query: { limit: MESSAGES_MAX },
      });
      return { messages: conversationFrom(page.items), hasEarlier: page.next !== null };
    },
    // Read anew each time it is opened; what happens meanwhile the conversation itself knows.
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    // While it is read anew there is nothing: what is being asked in it would be lost.
    refetchOnWindowFocus: ({ state }) => !isNotFound(state.error),
    refetchOnReconnect: ({ state }) => !isNotFound(state.error),
  });
  // As it was when it was opened: the question is forgotten as soon as its answer has ended.
  const [wasAsked] = useState(() => askedIn(id) !== null);
  const isMissing = isNotFound(error);
  // Asked in this tab, and the API may never have heard of it.
  if (isMissing && wasAsked) return <Conversation id={id} stored={NONE} isKnown {...shared} />;
  if (isMissing) {
    return (
      <Empty
        icon={<MessageSquareOff size={32} aria-hidden />}
        title="There is no such conversation"
        action={<Button onClick={shared.onNew}>New conversation</Button>}
      >
        It was deleted, or belongs to another account.
      </Empty>
    );
  }
  if (data) {
    return <Conversation id={id} stored={data.messages} hasEarlier={data.hasEarlier} isKnown {...shared} />;
  }
  if (error) return <Trouble error={error} onRetry={() => void refetch()} />;
  return (
    <div className={style.loading}>
      <SkeletonRows rows={6} height="3.5rem" />
    </div>
  );
}
