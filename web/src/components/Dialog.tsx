import { Dialog as Base } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { buttonClass } from "./Button";
import style from "./ui.module.css";

/** A question or a form over the page. Escape and a click beside it close it. */
export function Dialog({
  isOpen,
  onClose,
  title,
  description,
  isWide = false,
  actions,
  children,
}: {
  isOpen: boolean;
  onClose: () => void;
  title: string;
  description?: ReactNode;
  isWide?: boolean;
  actions?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <Base.Root open={isOpen} onOpenChange={open => !open && onClose()}>
      <Base.Portal>
        <Base.Backdrop className={style.backdrop} />
        <Base.Popup className={style.dialog} data-wide={isWide || undefined}>
          <div className={style.dialogHead}>
            <Base.Title>{title}</Base.Title>
            <Base.Close
              aria-label="Close"
              className={buttonClass({ kind: "quiet", size: "small", isIcon: true })}
            >
              <X size={18} aria-hidden />
            </Base.Close>
          </div>
          {description && <Base.Description className="muted">{description}</Base.Description>}
          {children}
          {actions && <div className={style.dialogActions}>{actions}</div>}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
