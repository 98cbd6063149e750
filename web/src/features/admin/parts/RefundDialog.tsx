import { useState } from "react";
import { useApi } from "~/api/ApiProvider";
import { TextField } from "~/components/Field";
import style from "../admin.module.css";
import { type Faults, faultsOfRefund, newKey, type RefundForm, refundOrder } from "../orders";
import { useOrder } from "../useOrder";
import { Correction } from "./Correction";

const empty = (): RefundForm => ({ entry: "", credits: "", reason: "", key: newKey() });

export function RefundDialog({ onClose }: { onClose: () => void }) {
  const api = useApi();
  const [faults, setFaults] = useState<Faults<RefundForm>>({});
  const order = useOrder("refund", empty, (given: RefundForm) =>
    api.post("/v1/admin/credits/refund", { body: refundOrder(given) }),
  );
  const { form } = order;
  const set = (name: keyof RefundForm, text: string) => {
    order.set(name, text);
    setFaults(known => ({ ...known, [name]: undefined }));
  };
  return (
    <Correction
      title="Refund a charge"
      yes="Refund"
      description="Gives a charge back, or a part of it, and never more than was charged."
      isBusy={order.isBusy}
      isLeft={order.isLeft}
      error={order.error}
      done={order.done}
      reason={{ reason: form.reason, key: form.key, faults, set }}
      onSubmit={() => {
        const found = faultsOfRefund(form);
        setFaults(found);
        if (Object.keys(found).length === 0) order.submit();
      }}
      onAnother={order.another}
      onClose={onClose}
    >
      <div className={style.formPair}>
        <TextField
          label="Entry"
          inputMode="numeric"
          hint="The number of the charge."
          value={form.entry}
          error={faults.entry}
          onChange={event => set("entry", event.target.value)}
        />
        <TextField
          label="Credits"
          inputMode="numeric"
          hint="Empty: all that is left of it."
          value={form.credits}
          error={faults.credits}
          onChange={event => set("credits", event.target.value)}
        />
      </div>
    </Correction>
  );
}
