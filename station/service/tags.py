"""POST /api/tag: software beside the station presents a tag as if it were at a reader.

    {"id_tag": "04A1B2C3", "connector_id": 1}

`presented_tag` is for every door through which such a tag may come.
"""

from devices.kinds import Text, Whole
from eventstore.catalogue.hardware import IdTagPresented
from projections.connector import Connectors
from station.rules.identification import ID_TAG_LENGTH_MAX
from station.service.bodies import BodyMember, InvalidBodyError, read_members
from station.settings.kinds import check_id_tag

TAG = {
    "id_tag": BodyMember(kind=Text(shortest=1, longest=ID_TAG_LENGTH_MAX, check=check_id_tag)),
    "connector_id": BodyMember(kind=Whole(minimum=1, maximum=2**31 - 1), default=None),
}


def presented_tag(document: object, connectors: Connectors, origin: str) -> IdTagPresented:
    """What a JSON document says, as an observation; `origin` is the door. Raises InvalidBodyError."""
    values = read_members(document, TAG)
    connector_id = values["connector_id"]
    if connector_id is not None and not connectors.has(connector_id):
        count = len(connectors.real)
        raise InvalidBodyError(f"connector_id: connector {connector_id} does not exist; there are 1 to {count}")
    return IdTagPresented(id_tag=values["id_tag"], connector_id=connector_id, origin=origin)
