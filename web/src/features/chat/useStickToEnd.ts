import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

/** So near to the end one has not scrolled away from it. */
const NEAR_PX = 64;

export interface Stick {
  scroller: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  isAtEnd: boolean;
  toEnd: () => void;
}

/** Keeps the end of what grows in sight, until its reader scrolls up. */
export function useStickToEnd(): Stick {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isStuck = useRef(true);
  const lastTop = useRef(0);
  const [isAtEnd, setAtEnd] = useState(true);

  const toEnd = useCallback(() => {
    isStuck.current = true;
    setAtEnd(true);
    const box = scroller.current;
    if (box) box.scrollTop = box.scrollHeight;
  }, []);

  useEffect(() => {
    const box = scroller.current;
    const inner = content.current;
    if (!box || !inner) return;
    const scrolled = () => {
      const isNear = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
      // Content that grows moves the end away, and only a reader moves up.
      if (isNear) isStuck.current = true;
      else if (box.scrollTop < lastTop.current) isStuck.current = false;
      lastTop.current = box.scrollTop;
      setAtEnd(isStuck.current);
    };
    const grown = () => {
      if (isStuck.current) box.scrollTop = box.scrollHeight;
    };
    const sizes = new ResizeObserver(grown);
    sizes.observe(inner);
    sizes.observe(box);
    box.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      sizes.disconnect();
      box.removeEventListener("scroll", scrolled);
    };
  }, []);

  return { scroller, content, isAtEnd, toEnd };
}
