import { useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { SelectField, TextField } from "~/components/Field";
import { whole } from "~/format";
import style from "../admin.module.css";
import { type Faults, faultsOfGrant, type GrantForm, grantOrder, newKey, PACKS } from "../orders";
import { useOrder } from "../useOrder";
import { Correction } from "./Correction";

const empty = (): GrantForm => ({
  user: "",
  credits: "",
  kind: "bonus",
  expires: "",
  reason: "",
  key: newKey(),
});

export function GrantDialog({ onClose }: { onClose: () => void }) {
  const api = useApi();
  const [faults, setFaults] = useState<Faults<GrantForm>>({});
  const order = useOrder("grant", empty, (given: GrantForm) =>
    api.post("/v1/admin/credits/grant", { body: grantOrder(given) }),
  );
  const { form } = order;
  const set = (name: keyof GrantForm, text: string) => {
    order.set(name, text);
    setFaults(known => ({ ...known, [name]: undefined }));
  };
  return (
    <Correction
      title="Grant credits"
      yes="Grant"
      description="Adds credits to an account. It cannot be taken back here."
      isBusy={order.isBusy}
      isLeft={order.isLeft}
      error={order.error}
      done={order.done}
      reason={{ reason: form.reason, key: form.key, faults, set }}
      onSubmit={() => {
        const found = faultsOfGrant(form);
        setFaults(found);
        if (Object.keys(found).length === 0) order.submit();
      }}
      onAnother={order.another}
      onClose={onClose}
    >
      <TextField
        label="User id"
        value={form.user}
        error={faults.user}
        placeholder="00000000-0000-0000-0000-000000000000"
        autoComplete="off"
        spellCheck={false}
        onChange={event => set("user", event.target.value)}
      />
      <div className={style.formPair}>
        <SelectField label="Kind" value={form.kind} onChange={event => set("kind", event.target.value)}>
          <option value="bonus">Bonus</option>
          <option value="purchased">Purchased</option>
        </SelectField>
        {form.kind === "purchased" ? (
          <SelectField
            label="Credits"
            value={form.credits}
            error={faults.credits}
            onChange={event => set("credits", event.target.value)}
          >
            <option value="">Choose a pack</option>
            {PACKS.map(pack => (
              <option key={pack} value={pack}>
                {whole(pack)}
              </option>
            ))}
          </SelectField>
        ) : (
          <TextField
            label="Credits"
            inputMode="numeric"
            value={form.credits}
            error={faults.credits}
            onChange={event => set("credits", event.target.value)}
          />
        )}
      </div>
      <TextField
        label="Ends after"
        type="date"
        hint="Empty: never."
        value={form.expires}
        error={faults.expires}
        onChange={event => set("expires", event.target.value)}
      />
    </Correction>
  );
}
