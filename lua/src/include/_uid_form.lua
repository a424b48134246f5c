--- The form of a uid, which has at most 15 digits, and the error texts for a key that holds something else. Versions
--- 0.3 and 0.4 had uids of 32 hexadecimal digits.
local UID, NO_UID = '^[1-9]%d*$', ' must hold a uid, a whole number from 1 to 999999999999999; run audit with repair'
local OLD_UID = ' is from django-sequere 0.x; use another prefix and import these keys'
