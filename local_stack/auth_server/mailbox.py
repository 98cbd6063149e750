"""Where mails go on a machine without a mail server: lines of JSON in a file that only its owner may read."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

# Older mails move to one file beside; anything before that is forgotten.
FILE_BYTES_MAX = 1024 * 1024

MailType: TypeAlias = Literal["signup", "magiclink", "recovery"]
SUBJECTS: dict[MailType, str] = {
    "signup": "Confirm Your Signup",
    "magiclink": "Your Magic Link",
    "recovery": "Reset Your Password",
}


@dataclass(frozen=True)
class Mail:
    to: str
    type: MailType
    token: str
    token_hash: str
    link: str


@dataclass(frozen=True)
class Mailbox:
    file: Path

    def append(self, mail: Mail) -> None:
        line = {
            "sent_at": datetime.now(UTC).isoformat(),
            "to": mail.to,
            "type": mail.type,
            "subject": SUBJECTS[mail.type],
            "token": mail.token,
            "token_hash": mail.token_hash,
            "link": mail.link,
        }
        if self.file.exists() and self.file.stat().st_size > FILE_BYTES_MAX:
            self.file.replace(self.file.with_suffix(".jsonl.1"))
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(json.dumps(line) + "\n")
