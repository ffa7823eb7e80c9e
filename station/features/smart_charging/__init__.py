"""Smart Charging (3.13): charging profiles, the limits that follow from them, and how connectors share one limit.

Two features: `decide.FEATURE` answers the CSMS and can be switched off; `offering.FEATURE` keeps the limits and is always there.
"""
