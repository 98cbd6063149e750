/** Names and prices of the models that may be asked. Pure but for the language of numbers. */

import type { Allowance, BalanceAnswer, ModelAnswer, Rate } from "@zmarty/client";

export const AUTO = "auto";
const ENSEMBLE = "ensemble";
export const VOICE_CREDITS = 5;
/** How much a question with its facts is read as, on the average: answers are mostly about one or two symbols. */
const INPUT_TOKENS_USUAL = 1_500;
const OUTPUT_TOKENS_USUAL = 400;
const COMPARISON_TOKENS = 600;
const CHARACTERS_A_TOKEN = 4;
/** Within what one question may ever cost, whatever the plan. */
export const PRICE_CAP_MAX = 100;

const NAMES: Record<string, string> = {
  auto: "Auto",
  ensemble: "All, compared",
  grok: "Grok",
  gpt: "GPT",
  claude: "Claude",
  xai: "xAI",
  openai: "OpenAI",
  anthropic: "Anthropic",
  "data-brief": "Data brief",
};

export function modelName(id: string): string {
  return (
    NAMES[id] ??
    id
      .split("-")
      .map(word => NAMES[word] ?? word.charAt(0).toUpperCase() + word.slice(1))
      .join(" ")
  );
}

export interface Choices {
  /** `auto`, `ensemble` and the families. */
  main: ModelAnswer[];
  models: ModelAnswer[];
}

export function choicesOf(models: readonly ModelAnswer[]): Choices {
  return {
    main: models.filter(model => model.owned_by === "zmarty"),
    models: models.filter(model => model.owned_by !== "zmarty"),
  };
}

const TIERS = ["free", "starter", "pro", "enterprise"];

/** Whether a plan may use a model; a plan we do not know is the API's to refuse. */
export function isWithin(model: ModelAnswer, tier: string | undefined): boolean {
  if (model.tier === null || tier === undefined) return true;
  return TIERS.indexOf(tier) < 0 || TIERS.indexOf(tier) >= TIERS.indexOf(model.tier);
}

/** The price as 60-CREDITS-PRICING.md has it. */
function cost(rate: Rate, input: number, output: number): number {
  return Math.ceil((input * rate.input_per_1k + output * rate.output_per_1k) / 1000) + rate.call_minimum;
}

export interface Estimate {
  usual: number;
  most: number;
}

/** What a question will usually cost, and at most: the API sets aside as much as the bounds allow, for what a model may look
 * up, and charges what was used. Null while the prices are not known. */
export function estimate({
  models,
  choice,
  plan,
  balance,
  priceCap,
  hasVoice,
  question,
}: {
  models: readonly ModelAnswer[];
  choice: string;
  plan: Allowance | undefined;
  balance: BalanceAnswer | undefined;
  priceCap: number | null;
  hasVoice: boolean;
  question: string;
}): Estimate | null {
  if (!plan || !balance) return null;
  const families = models.flatMap(model =>
    model.owned_by === "zmarty" && model.rate !== null ? [model.rate] : [],
  );
  const chosen = models.find(model => model.id === choice)?.rate;
  const [first] = families;
  if (!first) return null;
  const input = INPUT_TOKENS_USUAL + Math.ceil(question.length / CHARACTERS_A_TOKEN);
  const all = (output: number, each: (rate: Rate, output: number) => number) =>
    families.reduce((sum, rate) => sum + each(rate, output), 0);
  const priced = (rate: Rate, output: number) => cost(rate, input, output);
  const voice = hasVoice ? VOICE_CREDITS : 0;
  const usual =
    choice === ENSEMBLE
      ? all(OUTPUT_TOKENS_USUAL, priced) + cost(first, input, COMPARISON_TOKENS)
      : priced(chosen ?? first, OUTPUT_TOKENS_USUAL);
  const { per_request, left_today } = balance.limits;
  const bounds = [priceCap, per_request, left_today, plan.price_cap, balance.available, PRICE_CAP_MAX].filter(
    bound => bound !== null,
  );
  const most = Math.max(0, Math.min(...bounds));
  return { usual: Math.min(usual + voice, most), most };
}
