-- What wixl knows no words for, in both MSIs. One query a line; build-msi puts the version in.

-- A property that is not given is what it was (action type 51), for upgrades and repairs alike.
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('RememberLogon', 51, 'LOGON', '[OLD_LOGON]')
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('RememberLogon', 'OLD_LOGON AND NOT LOGON', 60)

-- Components with a condition; 324 is 64 bit, known by a registry value, and asked again at a repair (transitive).
UPDATE `Component` SET `Condition` = 'LOGON ~<> "none"', `Attributes` = 324 WHERE `Component` = 'AtLogon'
UPDATE `Component` SET `Condition` = 'LOGON ~= "none"', `Attributes` = 324 WHERE `Component` = 'NotAtLogon'

-- Otherwise a repair would not see that a program is an older one.
UPDATE `File` SET `Version` = '@VERSION@', `Language` = '1033' WHERE `File` = 'port26.exe'
UPDATE `File` SET `Version` = '@VERSION@', `Language` = '1033' WHERE `File` = 'port26w.exe'

-- Properties that reach the part of the installation that runs with more rights.
UPDATE `Property` SET `Value` = 'WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED;LOGON;OLD_LOGON;INSTALLDIR;OLD_INSTALLDIR;MODE;OLD_MODE;HOST_ALLOW_LIST;OLD_HOST_ALLOW_LIST;SCHEDULE;OLD_SCHEDULE' WHERE `Property` = 'SecureCustomProperties'
