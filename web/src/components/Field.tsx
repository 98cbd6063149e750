import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from "react";
import style from "./ui.module.css";

interface Around {
  label: string;
  hint?: ReactNode;
  error?: string | null | undefined;
}

function useDescription({ hint, error }: Pick<Around, "hint" | "error">) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return { id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined };
}

function Labelled({ id, label, hint, error, children }: Around & { id: string; children: ReactNode }) {
  return (
    <div className={style.field}>
      <label className={style.label} htmlFor={id}>
        {label}
      </label>
      {children}
      {hint && (
        <span className={style.hint} id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {error && (
        <span className={style.error} id={`${id}-error`} role="alert">
          {error}
        </span>
      )}
    </div>
  );
}

export function TextField({ label, hint, error, ...rest }: Around & InputHTMLAttributes<HTMLInputElement>) {
  const known = useDescription({ hint, error });
  return (
    <Labelled id={known.id} label={label} hint={hint} error={error}>
      <input className={style.input} {...rest} {...known} />
    </Labelled>
  );
}

export function SelectField({
  label,
  hint,
  error,
  children,
  ...rest
}: Around & SelectHTMLAttributes<HTMLSelectElement>) {
  const known = useDescription({ hint, error });
  return (
    <Labelled id={known.id} label={label} hint={hint} error={error}>
      <select className={style.input} {...rest} {...known}>
        {children}
      </select>
    </Labelled>
  );
}
