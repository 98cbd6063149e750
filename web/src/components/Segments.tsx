import { Toggle } from "@base-ui/react/toggle";
import { ToggleGroup } from "@base-ui/react/toggle-group";
import style from "./ui.module.css";

/** One of a few, all of them in sight. */
export function Segments<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}) {
  return (
    <ToggleGroup
      className={style.tabs}
      aria-label={label}
      value={[value]}
      onValueChange={([chosen]) => chosen && onChange(chosen as T)}
    >
      {options.map(option => (
        <Toggle
          key={option.value}
          value={option.value}
          className={style.tab}
          data-active={option.value === value || undefined}
        >
          {option.label}
        </Toggle>
      ))}
    </ToggleGroup>
  );
}
