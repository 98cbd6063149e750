import type { ReactNode } from "react";
import { useEffect } from "react";
import style from "./ui.module.css";

/** One page below the navigation: its title, what can be done with all of it, and its parts. */
export function Page({
  title,
  actions,
  children,
}: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  useTitle(title);
  return (
    <div className={style.page}>
      <header className={style.pageHead}>
        <h1>{title}</h1>
        {actions}
      </header>
      {children}
    </div>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Zmarty`;
  }, [title]);
}

export function Card({
  title,
  actions,
  children,
  className,
}: {
  title?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string | undefined;
}) {
  return (
    <section className={[style.card, className].filter(Boolean).join(" ")}>
      {(title || actions) && (
        <div className={style.cardHead}>
          {title && <h2>{title}</h2>}
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}
