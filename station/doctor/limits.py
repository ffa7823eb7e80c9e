"""Limits from outside, as far as the settings alone tell whether they can work."""

from collections.abc import Iterator

from station.doctor.findings import Finding, fault, ok
from station.settings.loading import Settings, SettingsError

SUBJECT = "limits"


def limit_findings(settings: Settings) -> Iterator[Finding]:
    """What there is to say of `[limits]`. No meter is read: that the daemon does."""
    site, contact = settings.limits.site_meter, settings.limits.contact
    if site.fuse_a:
        from station.daemon.site_meter import site_map

        try:
            found = site_map(settings)
        except SettingsError as error:
            yield fault(SUBJECT, str(error), "name a register map in [limits.site_meter] map")
        else:
            place = f"{site.host}:{site.port}" if site.host else site.device
            yield ok(SUBJECT, f"the site meter at {place}, unit {site.unit}, is read as {found.name}")
    if contact.dims_when:
        yield ok(SUBJECT, f"the grid operator's contact limits while it is {contact.dims_when}")
