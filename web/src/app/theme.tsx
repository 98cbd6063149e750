import { createContext, type ReactNode, useContext, useEffect, useState } from "react";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];
const KEY = "zmarty-theme";

interface Themed {
  /** What the user chose. */
  theme: Theme;
  /** What is shown. */
  shown: "light" | "dark";
  setTheme: (theme: Theme) => void;
}

const Context = createContext<Themed | null>(null);

export function ThemeProvider({ children }: { children: ReactNode }) {
  const [theme, choose] = useState<Theme>(
    () => THEMES.find(known => known === localStorage.getItem(KEY)) ?? "system",
  );
  const [isDark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  const shown = theme === "system" ? (isDark ? "dark" : "light") : theme;

  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setDark(system.matches);
    system.addEventListener("change", changed);
    return () => system.removeEventListener("change", changed);
  }, []);
  useEffect(() => {
    document.documentElement.dataset.theme = shown;
  }, [shown]);

  const setTheme = (chosen: Theme) => {
    localStorage.setItem(KEY, chosen);
    choose(chosen);
  };
  return <Context value={{ theme, shown, setTheme }}>{children}</Context>;
}

export function useTheme(): Themed {
  const value = useContext(Context);
  if (!value) throw new Error("useTheme stands outside its provider.");
  return value;
}
