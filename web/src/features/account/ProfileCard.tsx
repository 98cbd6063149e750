import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Profile } from "@zmarty/client";
import { type FormEvent, useEffect, useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { Button } from "~/components/Button";
import { SelectField, TextField } from "~/components/Field";
import { Card } from "~/components/layout";
import { Badge, Notice, SkeletonRows, Trouble } from "~/components/states";
import { useToast } from "~/components/toast";
import style from "./account.module.css";
import {
  changedIn,
  EXPERIENCES,
  type Faults,
  faultsOf,
  formOf,
  LANGUAGES,
  languageName,
  type ProfileField,
  type ProfileForm,
  RISKS,
  requestOf,
  timezonesWith,
} from "./profile";
import { TextArea } from "./TextArea";
import { useProfile } from "./useProfile";

/** What the user says of themselves; language and experience are how Zmarty speaks to them. */
export function ProfileCard() {
  const { data, error, refetch } = useProfile();
  if (data) return <Form profile={data} />;
  return (
    <Card title="Profile">
      {error ? <Trouble error={error} onRetry={refetch} /> : <SkeletonRows rows={6} height="3.75rem" />}
    </Card>
  );
}

function Form({ profile }: { profile: Profile }) {
  const api = useApi();
  const cache = useQueryClient();
  const toast = useToast();
  const [edits, setEdits] = useState<Partial<ProfileForm>>({});
  const [faults, setFaults] = useState<Faults>({});
  // What was saved meanwhile, here or elsewhere, shows wherever nothing is being edited.
  const saved = formOf(profile);
  const form = { ...saved, ...edits };
  const changed = changedIn(form, saved);
  const isChanged = changed.length > 0;
  useUnsavedWarning(isChanged);

  const saving = useMutation({
    mutationFn: () => api.put("/v1/user/profile", { body: requestOf(form, changed) }),
    onSuccess: answer => {
      cache.setQueryData(["profile"], answer);
      setEdits({});
      toast.done("Your profile is saved.");
    },
    onError: error => setFaults(faultsOf(error, form)),
  });
  const isOfAField = Object.values(faults).some(Boolean);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setFaults({});
    if (isChanged) saving.mutate();
  };
  const discard = () => {
    setEdits({});
    setFaults({});
    saving.reset();
  };
  const field = (name: ProfileField) => ({
    name,
    value: form[name],
    error: faults[name],
    onChange: ({ target }: { target: { value: string } }) => {
      setEdits({ ...edits, [name]: target.value });
      setFaults({ ...faults, [name]: undefined });
    },
  });
  return (
    <Card
      title="Profile"
      actions={isChanged ? <Badge tone="warn">Not saved yet</Badge> : <Badge tone="flat">Saved</Badge>}
    >
      <form className={style.form} onSubmit={submit} noValidate>
        <fieldset className={style.fields}>
          <legend>How Zmarty speaks to you</legend>
          <SelectField label="Language of answers" {...field("language")}>
            {[...new Set([...LANGUAGES, saved.language])].map(code => (
              <option key={code} value={code}>
                {languageName(code)}
              </option>
            ))}
          </SelectField>
          <SelectField label="Trading experience" {...field("trading_experience")}>
            <option value="">Not said</option>
            {Object.entries(EXPERIENCES).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </SelectField>
        </fieldset>
        <fieldset className={style.fields}>
          <legend>About you</legend>
          <TextField label="Name shown" autoComplete="nickname" maxLength={100} {...field("display_name")} />
          <TextField label="Full name" autoComplete="name" maxLength={255} {...field("full_name")} />
          <SelectField label="How much risk you take" {...field("risk_tolerance")}>
            <option value="">Not said</option>
            {RISKS.map((name, at) => (
              <option key={name} value={at + 1}>
                {name}
              </option>
            ))}
          </SelectField>
          <SelectField label="Time zone" {...field("timezone")}>
            {timezonesWith(saved.timezone).map(zone => (
              <option key={zone} value={zone}>
                {zone.replaceAll("_", " ")}
              </option>
            ))}
          </SelectField>
          <div className={style.across}>
            <TextField
              label="Symbols you like"
              hint="With commas between them, such as BTC/USDT, ETH/USDT. To watch a symbol, add it under Markets."
              autoComplete="off"
              spellCheck={false}
              {...field("preferred_pairs")}
            />
          </div>
          <div className={style.across}>
            <TextArea label="A few words about you" maxLength={2000} rows={3} {...field("bio")} />
          </div>
        </fieldset>
        {saving.error && !isOfAField && (
          <Notice tone="bad" title="Your profile was not saved">
            {saving.error.message}
          </Notice>
        )}
        <div className={style.actions}>
          {isChanged && (
            <Button kind="quiet" onClick={discard}>
              Discard
            </Button>
          )}
          <Button type="submit" kind="primary" disabled={!isChanged} isBusy={saving.isPending}>
            Save profile
          </Button>
        </div>
      </form>
    </Card>
  );
}

/** The browser asks before a page with unsaved changes is closed. */
function useUnsavedWarning(isChanged: boolean): void {
  useEffect(() => {
    if (!isChanged) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isChanged]);
}
