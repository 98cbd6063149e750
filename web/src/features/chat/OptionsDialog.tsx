import type { Allowance, ModelAnswer } from "@zmarty/client";
import { Check, Lock } from "lucide-react";
import { useId } from "react";
import { Button } from "~/components/Button";
import { Dialog } from "~/components/Dialog";
import { SelectField } from "~/components/Field";
import { Segments } from "~/components/Segments";
import { whole } from "~/format";
import type { AskOptions } from "./asked";
import { AUTO, choicesOf, type Estimate, isWithin, modelName, VOICE_CREDITS } from "./models";
import style from "./OptionsDialog.module.css";

const HINTS: Record<string, string> = {
  auto: "The best model for the question. Another one goes on when it breaks off.",
  ensemble: "Grok, GPT and Claude answer, and what they say is compared.",
};
const CAPS = ["none", "5", "10", "20", "50"] as const;

interface Props {
  isOpen: boolean;
  onClose: () => void;
  options: AskOptions;
  onChange: (options: AskOptions) => void;
  models: readonly ModelAnswer[];
  plan: Allowance | undefined;
  tier: string | undefined;
  estimateOf: (model: string) => Estimate | null;
}

/** Who answers, for how much at most, and whether aloud. */
export function OptionsDialog({ isOpen, onClose, options, onChange, models, plan, tier, estimateOf }: Props) {
  const { main, models: single } = choicesOf(models);
  const switchId = useId();
  const isSingle = single.some(model => model.id === options.model);
  const cap = CAPS.find(known => known === String(options.priceCap)) ?? "none";
  return (
    <Dialog
      isOpen={isOpen}
      onClose={onClose}
      title="How to answer"
      actions={
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      }
    >
      <div className={style.parts}>
        <fieldset className={style.models}>
          <legend>Model, and the credits an answer usually costs</legend>
          {main.map(model => (
            <label
              key={model.id}
              className={style.model}
              data-chosen={model.id === options.model || undefined}
            >
              <input
                type="radio"
                name="model"
                className="visually-hidden"
                checked={model.id === options.model}
                onChange={() => onChange({ ...options, model: model.id })}
              />
              <span className={style.who}>
                <strong>{modelName(model.id)}</strong>
                {HINTS[model.id] && <span className={style.hint}>{HINTS[model.id]}</span>}
              </span>
              <Price estimate={estimateOf(model.id)} />
              <Check size={18} className={style.check} aria-hidden />
            </label>
          ))}
        </fieldset>
        <SelectField
          label="One certain model"
          value={isSingle ? options.model : ""}
          onChange={event => onChange({ ...options, model: event.target.value || AUTO })}
          hint={
            isSingle ? <Usual estimate={estimateOf(options.model)} /> : "Only this one answers, or none does."
          }
        >
          <option value="">None in particular</option>
          {single.map(model => (
            <option key={model.id} value={model.id} disabled={!isWithin(model, tier)}>
              {modelName(model.id)}
              {isWithin(model, tier) ? "" : ` (${model.tier} plan)`}
            </option>
          ))}
        </SelectField>
        <div className={style.part}>
          <span className={style.label}>Most credits for a question</span>
          <Segments
            label="Most credits for a question"
            value={cap}
            options={CAPS.map(value => ({ value, label: value === "none" ? "No cap" : value }))}
            onChange={chosen => onChange({ ...options, priceCap: chosen === "none" ? null : Number(chosen) })}
          />
          {plan && <span className={style.hint}>Your plan allows {whole(plan.price_cap)} at most.</span>}
        </div>
        <div className={style.voice}>
          <label htmlFor={switchId}>
            <strong>Read answers aloud</strong>
            <span className={style.hint}>
              {plan?.voice === false ? (
                <>
                  <Lock size={13} aria-hidden /> Your plan has no voice. Whoever runs Zmarty can change that.
                </>
              ) : (
                `${VOICE_CREDITS} credits more for each answer that is spoken`
              )}
            </span>
          </label>
          <input
            id={switchId}
            type="checkbox"
            role="switch"
            aria-checked={options.hasVoice && plan?.voice !== false}
            className={style.switch}
            checked={options.hasVoice && plan?.voice !== false}
            disabled={plan?.voice === false}
            onChange={event => onChange({ ...options, hasVoice: event.target.checked })}
          />
        </div>
      </div>
    </Dialog>
  );
}

function Price({ estimate }: { estimate: Estimate | null }) {
  if (!estimate) return null;
  return (
    <span className={style.price}>
      about <span className="num">{whole(estimate.usual)}</span>
    </span>
  );
}

function Usual({ estimate }: { estimate: Estimate | null }) {
  if (!estimate) return null;
  return (
    <>
      Usually about {whole(estimate.usual)} credits, at most {whole(estimate.most)}.
    </>
  );
}
