import type { ModelAnswer } from "@zmarty/client";
import { Card } from "~/components/layout";
import { Badge, SkeletonRows, Trouble } from "~/components/states";
import { Table } from "~/components/table";
import { isWithin, modelName } from "~/features/chat/models";
import { whole } from "~/format";
import { costOf, EXAMPLE, pricesOf, usualSize } from "./costs";
import style from "./credits.module.css";
import { useModels, useNewestCharges, useProfile } from "./useCredits";

/** Prices of the models, and what a question of this user comes to with each. */
export function Costs() {
  const { data: models, error, refetch } = useModels();
  const { data: charges } = useNewestCharges();
  const { data: profile } = useProfile();
  const own = charges ? usualSize(charges.items) : null;
  const size = own ?? EXAMPLE;
  return (
    <Card title="What a question costs">
      {models ? (
        <>
          <Table
            caption="What a question costs by model"
            head={
              <>
                <th scope="col">Model</th>
                <th scope="col" data-align="end">
                  A question
                </th>
                <th scope="col" data-align="end">
                  Read
                </th>
                <th scope="col" data-align="end">
                  Written
                </th>
              </>
            }
          >
            {pricesOf(models.data).map(({ family, models: same, rate }) => (
              <tr key={same[0]?.id ?? family}>
                <th scope="row" className={style.model}>
                  {modelName(family)}
                  <Needed models={same} tier={profile?.tier} />
                </th>
                <td data-align="end">
                  <strong>{whole(costOf(rate, size))}</strong>
                </td>
                <td data-align="end">{whole(rate.input_per_1k)}</td>
                <td data-align="end">{whole(rate.output_per_1k)}</td>
              </tr>
            ))}
          </Table>
          <p className={style.explained}>
            {own ? "A question as you usually ask: " : "A short question with its facts: "}
            {whole(size.input)} tokens read, {whole(size.output)} written, and the small minimum of each
            answer. Read and written are credits for 1,000 tokens. “All, compared” costs all answers and their
            comparison.
          </p>
        </>
      ) : error ? (
        <Trouble error={error} onRetry={refetch} />
      ) : (
        <SkeletonRows rows={4} height="2rem" />
      )}
    </Card>
  );
}

/** Models of the row that the plan does not have. */
function Needed({ models, tier }: { models: readonly ModelAnswer[]; tier: string | undefined }) {
  const beyond = models.filter(model => !isWithin(model, tier));
  return beyond.map(model => (
    <span key={model.id} className={style.beyond}>
      <span className="muted small">{modelName(model.id)}</span> <Badge tone="info">{model.tier} plan</Badge>
    </span>
  ));
}
