import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import type { Conversation } from "@zmarty/client";
import { MoreHorizontal, Pencil, Search, SquarePen, Trash2 } from "lucide-react";
import { type FormEvent, useDeferredValue, useState } from "react";
import { Link } from "wouter";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import { Dialog } from "~/components/Dialog";
import { TextField } from "~/components/Field";
import { Menu, MenuItem } from "~/components/Menu";
import { Empty, SkeletonRows, Trouble } from "~/components/states";
import { useToast } from "~/components/toast";
import { byDay } from "./days";
import style from "./History.module.css";

const PAGE = 40;
const TITLE_LENGTH_MAX = 200;

interface Props {
  current: string | undefined;
  onNew: () => void;
  /** A conversation was chosen: a drawer closes. */
  onChosen: () => void;
  /** The conversation that is open was deleted. */
  onGone: () => void;
}

/** Every conversation by its day, the newest first. */
export function History({ current, onNew, onChosen, onGone }: Props) {
  const api = useApi();
  const [search, setSearch] = useState("");
  const wanted = useDeferredValue(search.trim());
  const list = useInfiniteQuery({
    queryKey: ["conversations", "list", wanted],
    queryFn: ({ pageParam }) =>
      api.get("/v1/conversations", {
        query: { limit: PAGE, cursor: pageParam, ...(wanted && { q: wanted }) },
      }),
    initialPageParam: null as string | null,
    getNextPageParam: page => page.next,
    placeholderData: before => before,
  });
  const [renamed, setRenamed] = useState<Conversation | null>(null);
  const [deleted, setDeleted] = useState<Conversation | null>(null);
  const items = list.data?.pages.flatMap(page => page.items) ?? [];

  return (
    <div className={style.history}>
      <div className={style.top}>
        <Button className={style.new} onClick={onNew}>
          <SquarePen size={16} aria-hidden /> New conversation
        </Button>
        <div className={style.search}>
          <Search size={16} aria-hidden />
          <input
            type="search"
            value={search}
            onChange={event => setSearch(event.target.value)}
            placeholder="Search"
            aria-label="Search conversations"
          />
        </div>
      </div>
      <nav className={style.list} aria-label="Conversations">
        {list.isPending ? (
          <SkeletonRows rows={6} height="2.25rem" />
        ) : list.isError ? (
          <Trouble error={list.error} onRetry={() => void list.refetch()} />
        ) : items.length === 0 ? (
          <Empty title={wanted ? "Nothing found" : "No conversations yet"}>
            {wanted ? "Search looks at titles." : "What you ask is kept here."}
          </Empty>
        ) : (
          byDay(items).map(group => (
            <section key={group.name}>
              <h2 className={style.day}>{group.name}</h2>
              <ul>
                {group.items.map(item => (
                  <li key={item.id} className={style.item} data-current={item.id === current || undefined}>
                    <Link
                      href={`/chat/${item.id}`}
                      className={style.link}
                      aria-current={item.id === current ? "page" : undefined}
                      onClick={onChosen}
                      title={item.title}
                    >
                      {item.title}
                    </Link>
                    <Menu
                      trigger={
                        <Button
                          kind="quiet"
                          isIcon
                          className={style.more}
                          aria-label={`More about “${item.title}”`}
                        >
                          <MoreHorizontal size={16} aria-hidden />
                        </Button>
                      }
                    >
                      <MenuItem onSelect={() => setRenamed(item)}>
                        <Pencil size={16} aria-hidden /> Rename
                      </MenuItem>
                      <MenuItem onSelect={() => setDeleted(item)}>
                        <Trash2 size={16} aria-hidden /> Delete
                      </MenuItem>
                    </Menu>
                  </li>
                ))}
              </ul>
            </section>
          ))
        )}
        {list.hasNextPage && (
          <Button kind="quiet" isBusy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Show older ones
          </Button>
        )}
      </nav>
      {renamed && <Rename key={renamed.id} conversation={renamed} onClose={() => setRenamed(null)} />}
      {deleted && (
        <Delete
          conversation={deleted}
          onClose={() => setDeleted(null)}
          onDeleted={() => deleted.id === current && onGone()}
        />
      )}
    </div>
  );
}

function Rename({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const api = useApi();
  const cache = useQueryClient();
  const toast = useToast();
  const [title, setTitle] = useState(conversation.title);
  const { mutate, isPending } = useMutation({
    mutationFn: () =>
      api.patch("/v1/conversations/{conversation_id}", {
        path: { conversation_id: conversation.id },
        body: { title: title.trim() },
      }),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["conversations"] });
      onClose();
    },
    onError: toast.failed,
  });
  const canSave = title.trim().length > 0 && title.trim().length <= TITLE_LENGTH_MAX;
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (canSave) mutate();
  };
  return (
    <Dialog isOpen onClose={onClose} title="Rename the conversation">
      <form onSubmit={save} className={style.form}>
        <TextField
          label="Title"
          value={title}
          maxLength={TITLE_LENGTH_MAX}
          onChange={event => setTitle(event.target.value)}
        />
        <div className={style.formActions}>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" isBusy={isPending} disabled={!canSave}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Delete({
  conversation,
  onClose,
  onDeleted,
}: {
  conversation: Conversation;
  onClose: () => void;
  onDeleted: () => void;
}) {
  const api = useApi();
  const cache = useQueryClient();
  const toast = useToast();
  const { mutate, isPending } = useMutation({
    mutationFn: () =>
      api.delete("/v1/conversations/{conversation_id}", { path: { conversation_id: conversation.id } }),
    onSuccess: () => {
      void cache.invalidateQueries({ queryKey: ["conversations"] });
      onClose();
      onDeleted();
    },
    onError: toast.failed,
  });
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="Delete this conversation?"
      description={`“${conversation.title}” and its answers are deleted for good. What they cost stays in your credit history.`}
      actions={
        <>
          <Button onClick={onClose}>Keep it</Button>
          <Button kind="danger" isBusy={isPending} onClick={() => mutate()}>
            Delete
          </Button>
        </>
      }
    />
  );
}
