import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError } from "@zmarty/client";
import { type FormEvent, useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import { TextField } from "~/components/Field";
import { Card } from "~/components/layout";
import { Notice, SkeletonRows, Trouble } from "~/components/states";
import { useToast } from "~/components/toast";
import { whole } from "~/format";
import style from "./credits.module.css";
import { type Faults, faultsOf, formOf, type LimitField, type LimitsForm, requestOf } from "./limits";
import { useBalance, useProfile } from "./useCredits";

/** The user's own bounds: for one request, and for a day. */
export function Limits() {
  const { data, error, refetch } = useBalance();
  return (
    <Card title="Spending limits">
      {data ? (
        <Form
          // What was saved, here or elsewhere, is what the form begins with.
          key={`${data.limits.per_request} ${data.limits.per_day}`}
          saved={formOf(data.limits)}
          usedToday={data.limits.used_today}
          leftToday={data.limits.left_today}
        />
      ) : error ? (
        <Trouble error={error} onRetry={refetch} />
      ) : (
        <SkeletonRows rows={3} height="3.5rem" />
      )}
    </Card>
  );
}

function Form({
  saved,
  usedToday,
  leftToday,
}: {
  saved: LimitsForm;
  usedToday: number;
  leftToday: number | null;
}) {
  const api = useApi();
  const cache = useQueryClient();
  const toast = useToast();
  const { data: profile } = useProfile();
  const [form, setForm] = useState(saved);
  const [faults, setFaults] = useState<Faults>({});
  const isChanged = form.per_request !== saved.per_request || form.per_day !== saved.per_day;
  const saving = useMutation({
    mutationFn: () => api.put("/v1/credits/limits", { body: requestOf(form) }),
    onSuccess: () => {
      toast.done("Your limits are saved.");
      return cache.invalidateQueries({ queryKey: ["credits", "balance"] });
    },
    onError: error => setFaults(refusedOf(error)),
  });
  const isOfAField = Object.keys(faults).length > 0;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = faultsOf(form);
    setFaults(found);
    if (Object.keys(found).length === 0) saving.mutate();
  };
  const field = (name: LimitField) => ({
    name,
    value: form[name],
    inputMode: "numeric" as const,
    autoComplete: "off",
    placeholder: "No limit",
    error: faults[name],
    onChange: (event: { target: { value: string } }) => {
      setForm({ ...form, [name]: event.target.value });
      setFaults({ ...faults, [name]: undefined });
    },
  });
  return (
    <form className={style.form} onSubmit={submit} noValidate>
      <TextField
        label="Most credits for one question"
        hint={profile ? `Your plan allows up to ${whole(profile.plan.price_cap)}.` : undefined}
        {...field("per_request")}
      />
      <TextField
        label="Most credits in a day"
        hint={
          leftToday === null
            ? `${whole(usedToday)} used today. A day begins at midnight UTC.`
            : `${whole(usedToday)} used today, ${whole(leftToday)} left. A day begins at midnight UTC.`
        }
        {...field("per_day")}
      />
      {saving.error && !isOfAField && (
        <Notice tone="bad" title="Your limits were not saved">
          {saving.error.message}
        </Notice>
      )}
      <div className={style.actions}>
        {isChanged && (
          <Button
            kind="quiet"
            onClick={() => {
              setForm(saved);
              setFaults({});
              saving.reset();
            }}
          >
            Discard
          </Button>
        )}
        <Button type="submit" kind="primary" disabled={!isChanged} isBusy={saving.isPending}>
          Save limits
        </Button>
      </div>
    </form>
  );
}

/** A refusal that names one of the fields belongs beside it. */
function refusedOf(error: Error): Faults {
  const named = error instanceof ApiError ? error.details.field : undefined;
  if (named !== "per_request" && named !== "per_day") return {};
  const rule = error instanceof ApiError ? error.details.rule : undefined;
  return { [named]: typeof rule === "string" ? `This ${rule}.` : error.message };
}
