import { type TextareaHTMLAttributes, useId } from "react";
import ui from "~/components/ui.module.css";

/** A few lines of text, labelled as the other fields are. */
export function TextArea({
  label,
  error,
  ...rest
}: { label: string; error?: string | null | undefined } & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  return (
    <div className={ui.field}>
      <label className={ui.label} htmlFor={id}>
        {label}
      </label>
      <textarea
        className={ui.input}
        {...rest}
        id={id}
        aria-describedby={error ? `${id}-error` : undefined}
        aria-invalid={error ? true : undefined}
      />
      {error && (
        <span className={ui.error} id={`${id}-error`} role="alert">
          {error}
        </span>
      )}
    </div>
  );
}
