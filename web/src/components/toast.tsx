import { Toast } from "@base-ui/react/toast";
import type { ReactNode } from "react";
import style from "./ui.module.css";

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
    <Toast.Root key={toast.id} toast={toast} className={style.toast}>
      <Toast.Content>
        <Toast.Description />
      </Toast.Content>
    </Toast.Root>
  ));
}

export function useToast() {
  const { add } = Toast.useToastManager();
  return {
    done: (text: string) => void add({ description: text }),
    failed: (error: unknown) =>
      void add({
        description: error instanceof Error ? error.message : "Something unexpected happened.",
        type: "error",
        priority: "high",
      }),
  };
}
