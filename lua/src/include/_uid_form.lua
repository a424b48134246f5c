--- The form of a uid, with at most 15 digits, and the error for a key that holds something else: its lists would belong
--- to no resource. Versions 0.3 and 0.4 had uids of 32 hexadecimal digits.
local UID, NO_UID = '^[1-9]%d*$', ' must hold a uid, a whole number from 1 to 999999999999999; run audit with repair'
local OLD_UID = ' is of django-sequere 0.x; use another prefix and import these keys'
