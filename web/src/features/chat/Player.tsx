import { ApiError } from "@zmarty/client";
import { Pause, Play } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import style from "./Player.module.css";

function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A link that was renewed a moment ago and fails again will not do better the next time. */
const RENEWED_MS = 60_000;
const MESSAGES_MAX = 200;

interface Props {
  conversation: string;
  messageId: string;
  url: string;
}

/** Plays an answer that was spoken. The link is signed: it needs no token, and ends long before the recording does. */
export function Player({ conversation, messageId, url: first }: Props) {
  const api = useApi();
  const audio = useRef<HTMLAudioElement>(null);
  const [url, setUrl] = useState(first);
  const [isPlaying, setPlaying] = useState(false);
  const [trouble, setTrouble] = useState<"gone" | "away" | null>(null);
  const [at, setAt] = useState(0);
  const [length, setLength] = useState(0);
  const renewal = useRef({ isRunning: false, endedAt: Number.NEGATIVE_INFINITY });
  // Whether it is to be playing, and where to go on once a new link is there.
  const isWanted = useRef(false);
  const resumeAt = useRef<number | null>(null);

  useEffect(() => {
    const element = audio.current;
    return () => element?.pause();
  }, []);

  const renew = async () => {
    if (renewal.current.isRunning) return;
    if (Date.now() - renewal.current.endedAt < RENEWED_MS) return setTrouble("gone");
    renewal.current.isRunning = true;
    resumeAt.current = at;
    try {
      const page = await api.get("/v1/conversations/{conversation_id}/messages", {
        path: { conversation_id: conversation },
        query: { limit: MESSAGES_MAX },
      });
      const fresh = page.items.find(message => message.id === messageId)?.audio_url;
      renewal.current.endedAt = Date.now();
      if (!fresh) setTrouble("gone");
      else {
        setUrl(fresh);
        setTrouble(null);
      }
    } catch (error) {
      setTrouble(error instanceof ApiError && error.status === 404 ? "gone" : "away");
    } finally {
      renewal.current.isRunning = false;
    }
  };
  const play = async (element: HTMLAudioElement) => {
    try {
      await element.play();
    } catch (error) {
      // Interrupted, or not allowed by the browser: the button is still there.
      if (error instanceof Error && error.name === "NotSupportedError") await renew();
    }
    setPlaying(!element.paused);
  };
  const goOn = (element: HTMLAudioElement) => {
    if (resumeAt.current === null) return;
    if (resumeAt.current > 0) element.currentTime = resumeAt.current;
    resumeAt.current = null;
    if (isWanted.current) void play(element);
    else setPlaying(false);
  };
  const toggle = () => {
    const element = audio.current;
    if (!element) return;
    isWanted.current = element.paused;
    if (element.paused) void play(element);
    else element.pause();
  };
  if (trouble === "gone")
    return <span className="muted small">The recording cannot be played any more.</span>;
  if (trouble === "away") {
    return (
      <span className="muted small" role="status">
        The recording cannot be read at the moment.{" "}
        <Button size="small" kind="quiet" onClick={() => void renew()}>
          Try again
        </Button>
      </span>
    );
  }
  return (
    <div className={style.player}>
      {/* biome-ignore lint/a11y/useMediaCaption: it speaks the text beside it */}
      <audio
        ref={audio}
        src={url.startsWith("/") ? api.connection.apiUrl + url : url}
        preload="metadata"
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onEnded={() => {
          isWanted.current = false;
          setPlaying(false);
        }}
        onTimeUpdate={event => setAt(event.currentTarget.currentTime)}
        onDurationChange={event =>
          setLength(Number.isFinite(event.currentTarget.duration) ? event.currentTarget.duration : 0)
        }
        onLoadedMetadata={event => goOn(event.currentTarget)}
        onError={() => void renew()}
      />
      <Button
        kind="secondary"
        isIcon
        onClick={toggle}
        aria-label={isPlaying ? "Pause" : "Listen to the answer"}
        className={style.button}
      >
        {isPlaying ? <Pause size={16} aria-hidden /> : <Play size={16} aria-hidden />}
      </Button>
      <input
        type="range"
        className={style.range}
        min={0}
        max={length || 1}
        step={0.1}
        value={at}
        aria-label="Place in the recording"
        aria-valuetext={clock(at)}
        onChange={event => {
          const place = Number(event.target.value);
          if (audio.current) audio.current.currentTime = place;
          setAt(place);
        }}
      />
      <span className={`num ${style.time}`}>
        {clock(at)} / {clock(length)}
      </span>
    </div>
  );
}
