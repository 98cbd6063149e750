import { Pause, Play } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import style from "./Player.module.css";

function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** Plays an answer that was spoken. The link is signed: it needs no token. */
export function Player({ url }: { url: string }) {
  const { connection } = useApi();
  const audio = useRef<HTMLAudioElement>(null);
  const [isPlaying, setPlaying] = useState(false);
  const [hasFailed, setFailed] = useState(false);
  const [at, setAt] = useState(0);
  const [length, setLength] = useState(0);

  useEffect(() => {
    const element = audio.current;
    return () => element?.pause();
  }, []);

  const toggle = () => {
    const element = audio.current;
    if (!element) return;
    if (isPlaying) element.pause();
    else element.play().catch(() => setFailed(true));
  };
  if (hasFailed) return <span className="muted small">The recording cannot be played any more.</span>;
  return (
    <div className={style.player}>
      {/* biome-ignore lint/a11y/useMediaCaption: it speaks the text beside it */}
      <audio
        ref={audio}
        src={url.startsWith("/") ? connection.apiUrl + url : url}
        preload="metadata"
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onEnded={() => setPlaying(false)}
        onTimeUpdate={event => setAt(event.currentTarget.currentTime)}
        onDurationChange={event =>
          setLength(Number.isFinite(event.currentTarget.duration) ? event.currentTarget.duration : 0)
        }
        onError={() => setFailed(true)}
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
