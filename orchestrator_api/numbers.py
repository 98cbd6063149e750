"""How prices and volumes travel in JSON: as numbers. Pure."""

from decimal import Decimal
from typing import Annotated

from pydantic import PlainSerializer, WithJsonSchema

# A double keeps 15 digits exactly, more than any price here has, and is what every JSON client parses anyway.
Number = Annotated[
    Decimal,
    PlainSerializer(float, return_type=float, when_used="json"),
    WithJsonSchema({"type": "number"}),
]
