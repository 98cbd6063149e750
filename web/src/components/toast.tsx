import { Toast } from "@base-ui/react/toast";
import type { ReactNode } from "react";
import style from "./ui.module.css";

/** Longer than a word that only tells: somebody has to reach the button. */
const ACTION_MS = 10_000;

/** Says in a corner that something was done or did not work; read out by screen readers. */
export function ToastProvider({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider timeout={5000} limit={3}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className={style.toasts}>
          <Toasts />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function Toasts() {
  const { toasts } = Toast.useToastManager();
  return toasts.map(toast => (
    <Toast.Root key={toast.id} toast={toast} className={style.toast} aria-label="Message">
      <Toast.Content className={style.toastContent}>
        <Toast.Description />
        {toast.actionProps && <Toast.Action className={style.toastAction} />}
      </Toast.Content>
    </Toast.Root>
  ));
}

export function useToast() {
  const { add, close } = Toast.useToastManager();
  return {
    /** `action` offers to take it back, or what else follows from it. */
    done: (text: string, action?: { label: string; onPress: () => void }) => {
      const id = add({
        description: text,
        ...(action && {
          timeout: ACTION_MS,
          actionProps: {
            children: action.label,
            onClick: () => {
              close(id);
              action.onPress();
            },
          },
        }),
      });
    },
    failed: (error: unknown) =>
      void add({
        description: error instanceof Error ? error.message : "Something unexpected happened.",
        type: "error",
        priority: "high",
      }),
  };
}
