import { useState } from "react";
import { THEMES, type Theme, useTheme } from "~/app/theme";
import { SelectField } from "~/components/Field";
import { Card } from "~/components/layout";
import { Segments } from "~/components/Segments";
import { dateTime, numberLanguage, percent, price, setNumberLanguage, signed } from "~/format";
import style from "./account.module.css";

const THEME_NAMES: Record<Theme, string> = { system: "As the device", light: "Light", dark: "Dark" };
/** One of each way to write numbers and dates; the browser's own is always there. */
const NUMBER_LANGUAGES = [
  "en-US",
  "en-GB",
  "en-IN",
  "de-DE",
  "de-CH",
  "fr-FR",
  "es-ES",
  "pt-BR",
  "pl-PL",
  "ja-JP",
];
const EXAMPLE = 1_234_567.89;

/** How the app looks in this browser; nothing of it is sent. */
export function AppearanceCard() {
  const { theme, setTheme } = useTheme();
  // The choice lives in the browser; what is drawn here follows at once, other pages when they are opened.
  const [chosen, choose] = useState(chosenLanguage);
  const change = (language: string) => {
    setNumberLanguage(language || null);
    choose(language);
  };
  return (
    <Card title="Appearance">
      <div className={style.form}>
        <div className={style.choice}>
          <span className={style.label}>Colours</span>
          <Segments
            label="Colours"
            value={theme}
            options={THEMES.map(value => ({ value, label: THEME_NAMES[value] }))}
            onChange={setTheme}
          />
        </div>
        <SelectField
          label="How numbers and dates are written"
          value={chosen}
          onChange={({ target }) => change(target.value)}
        >
          <option value="">As the browser ({sample(navigator.language)})</option>
          {NUMBER_LANGUAGES.map(language => (
            <option key={language} value={language}>
              {nameOf(language)} ({sample(language)})
            </option>
          ))}
        </SelectField>
        <output className={style.preview} key={chosen} data-testid="number-preview">
          <span>{price(64_250.1)}</span>
          <span>{signed(-12)}</span>
          <span>{percent(0.5312)}</span>
          <span>{dateTime(new Date())}</span>
        </output>
      </div>
    </Card>
  );
}

function chosenLanguage(): string {
  const language = numberLanguage();
  return NUMBER_LANGUAGES.includes(language) && language !== navigator.language ? language : "";
}

function sample(language: string): string {
  return new Intl.NumberFormat(language).format(EXAMPLE);
}

function nameOf(language: string): string {
  return new Intl.DisplayNames([navigator.language, "en"], { type: "language" }).of(language) ?? language;
}
