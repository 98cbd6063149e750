import { LoaderCircle } from "lucide-react";
import type { ButtonHTMLAttributes, ReactNode } from "react";
import style from "./ui.module.css";

type Kind = "primary" | "secondary" | "quiet" | "danger";

interface Look {
  kind?: Kind;
  size?: "small" | "normal";
  /** A round-less square that shows only an icon; give it an `aria-label`. */
  isIcon?: boolean;
}

export function buttonClass({ kind = "secondary", size = "normal", isIcon = false }: Look = {}): string {
  return [style.button, style[kind], size === "small" && style.small, isIcon && style.icon]
    .filter(Boolean)
    .join(" ");
}

interface Props extends ButtonHTMLAttributes<HTMLButtonElement>, Look {
  /** Works on what it was asked: it cannot be pressed again meanwhile. */
  isBusy?: boolean;
  children: ReactNode;
}

export function Button({
  kind,
  size,
  isIcon,
  isBusy = false,
  disabled,
  className,
  children,
  ...rest
}: Props) {
  return (
    <button
      type="button"
      {...rest}
      className={[
        buttonClass({ ...(kind && { kind }), ...(size && { size }), ...(isIcon && { isIcon }) }),
        className,
      ]
        .filter(Boolean)
        .join(" ")}
      disabled={disabled || isBusy}
      aria-busy={isBusy || undefined}
    >
      {isBusy && <LoaderCircle className={style.busy} size={16} aria-hidden />}
      {isBusy && isIcon ? null : children}
    </button>
  );
}
