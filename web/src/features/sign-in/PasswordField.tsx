import { Eye, EyeOff } from "lucide-react";
import { type InputHTMLAttributes, type ReactNode, useId, useState } from "react";
import ui from "~/components/ui.module.css";
import style from "./sign-in.module.css";

/** A password that may be looked at while it is typed. */
export function PasswordField({
  label,
  hint,
  error,
  aside,
  ...rest
}: {
  label: string;
  hint?: ReactNode;
  error?: string | null | undefined;
  /** Beside the label: a way out for who forgot it. */
  aside?: ReactNode;
} & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  const [isShown, setShown] = useState(false);
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  const Icon = isShown ? EyeOff : Eye;
  return (
    <div className={ui.field}>
      <div className={style.labelLine}>
        <label className={ui.label} htmlFor={id}>
          {label}
        </label>
        {aside}
      </div>
      <div className={style.password}>
        <input
          className={ui.input}
          {...rest}
          id={id}
          type={isShown ? "text" : "password"}
          aria-describedby={described || undefined}
          aria-invalid={error ? true : undefined}
          autoCapitalize="none"
          spellCheck={false}
        />
        <button
          type="button"
          className={style.look}
          aria-label={isShown ? "Hide the password" : "Show the password"}
          aria-pressed={isShown}
          onClick={() => setShown(!isShown)}
        >
          <Icon size={18} aria-hidden />
        </button>
      </div>
      {hint && (
        <span className={ui.hint} id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {error && (
        <span className={ui.error} id={`${id}-error`} role="alert">
          {error}
        </span>
      )}
    </div>
  );
}
