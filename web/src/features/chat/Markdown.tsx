import { memo, useMemo } from "react";
import style from "./Markdown.module.css";
import { blocksOf, closed, htmlOf } from "./markdown";

/** A model's text. While it streams only its last block is rendered again. */
export function Markdown({ text, isStreaming }: { text: string; isStreaming: boolean }) {
  const blocks = useMemo(() => blocksOf(isStreaming ? closed(text) : text), [text, isStreaming]);
  return (
    <div className={style.markdown} data-streaming={isStreaming || undefined}>
      {blocks.map((block, order) => (
        // By its place: blocks only come at the end.
        <Block key={order} text={block} />
      ))}
    </div>
  );
}

const Block = memo(function Block({ text }: { text: string }) {
  const html = useMemo(() => htmlOf(text), [text]);
  // Made safe by htmlOf.
  return <div className={style.block} dangerouslySetInnerHTML={{ __html: html }} />;
});
