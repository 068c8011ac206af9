"""The names of the scenarios that docs/agent.md accounts for, one by one, in the order of their suites.

They are the names of the test classes of Anjay (AVSystem/Anjay, revision 28b0987, tests/integration/suites):
what a maker of clients found worth testing. Names alone, as a list of what to think of.
"""

SUITES = {
    "default/firmware_update.py": """
        UpdateState UpdateResult FirmwareUpdate FirmwareUpdatePackageTest FirmwareUpdateUriTest
        FirmwareUpdateUriAutoSuspend FirmwareUpdateUriManualSuspend FirmwareUpdateStateChangeTest
        FirmwareUpdateSendStateChangeTest FirmwareUpdateBadBase64 FirmwareUpdateGoodBase64 FirmwareUpdateNullPkg
        FirmwareUpdateEmptyPkgUri FirmwareUpdateInvalidUri FirmwareUpdateUnsupportedUri FirmwareUpdateOfflineUriTest
        FirmwareUpdateReplacingPkgUri FirmwareUpdateReplacingPkg FirmwareUpdateHttpsResumptionTest
        FirmwareUpdateHttpsReconnectTest FirmwareUpdateHttpsCancelPackageTest
        FirmwareUpdateHttpsCancelPackageUriTest FirmwareUpdateCoapCancelPackageUriTest
        FirmwareUpdateHttpsOfflineTest FirmwareUpdateHttpsTest FirmwareUpdateUnconfiguredHttpsTest
        FirmwareUpdateUnconfiguredHttpsWithFallbackAttemptTest FirmwareUpdateInvalidHttpsTest
        FirmwareUpdateResetInIdleState FirmwareUpdateCoapUri FirmwareUpdateCoapsUri
        FirmwareUpdateCoapsUriAutoSuspend FirmwareUpdateCoapsUriManualSuspend FirmwareUpdateCoapsReconnectTest
        FirmwareUpdateCoapsSuspendDuringOfflineAndReconnectDuringOnlineTest
        FirmwareUpdateCoapsSuspendDuringOfflineAndReconnectDuringOfflineTest
        FirmwareUpdateCoapsOfflineDuringSuspendAndReconnectDuringOnlineTest
        FirmwareUpdateCoapsOfflineDuringSuspendAndReconnectDuringOfflineTest
        FirmwareUpdateCoapsSocketCloseResumptionTest FirmwareUpdateCoapsTimeoutResumptionTest
        FirmwareUpdateCoapsSocketCloseResumptionWithCIDTest FirmareUpdateCoapsRetryCountResetAndReachMaxRetryTest
        FirmareUpdateCoapsRetryCountResetAndFinishDownloadTest
        FirmwareUpdateCoapsResumptionScheduledDownloadCancelTest
        FirmwareUpdateCoapsResumptionScheduledOfflineModeBetweenTest
        FirmwareUpdateCoapsResumptionScheduledOfflineModeBetweenCheckRetryCounterTest
        FirmwareUpdateCoapsResumptionScheduledOfflineModeTest
        FirmwareUpdateCoapsResumptionScheduledUpdateSuspendTest FirmwareUpdateCoapsResumptionScheduledForceReconnect
        FirmwareUpdateCoapsResumptionScheduledOfflineModeDifferentTransportTest
        FirmwareUpdateCoapsResumptionDuringReconnect
        FirmwareUpdateHttpSuspendDuringOfflineAndReconnectDuringOnlineTest
        FirmwareUpdateHttpSuspendDuringOfflineAndReconnectDuringOfflineTest
        FirmwareUpdateHttpOfflineDuringSuspendAndReconnectDuringOnlineTest
        FirmwareUpdateHttpOfflineDuringSuspendAndReconnectDuringOfflineTest FirmwareUpdateRestartWithDownloaded
        FirmwareUpdateRestartWithDownloading FirmwareUpdateRestartWithDownloadingETagChange
        FirmwareUpdateCoapsUriConnectionID FirmwareUpdateCoapsUriConnectionIDSuspendAndReconnect
        FirmwareUpdateCoapsUriWithoutConnectionID FirmwareUpdateRestartWithDownloadingOverHttp
        FirmwareUpdateResumeDownloadingOverHttp FirmwareUpdateResumeDownloadingOverHttpWithReconnect
        FirmwareUpdateResumeFromStartWithDownloadingOverHttp FirmwareUpdateRestartAfter412WithDownloadingOverHttp
        FirmwareUpdateWithDelayedResultTest FirmwareUpdateWithDelayedSuccessTest
        FirmwareUpdateWithDelayedFailureTest FirmwareUpdateWithSetSuccessInPerformUpgrade
        FirmwareUpdateWithSetFailureInPerformUpgrade FirmwareUpdateCoapTlsTest FirmwareUpdateWeakEtagTest
        SameSocketDownload FirmwareDownloadSameSocket FirmwareDownloadSameSocketAndOngoingBlockwiseWrite
        FirmwareDownloadSameSocketAndOngoingBlockwiseRead FirmwareDownloadSameSocketUpdateDuringDownloadNstart2
        FirmwareDownloadSameSocketUpdateDuringDownloadNstart1 FirmwareDownloadSameSocketAndReconnectNstart1
        FirmwareDownloadSameSocketUpdateTimeoutNstart2 FirmwareDownloadSameSocketUpdateTimeoutNstart1
        FirmwareDownloadSameSocketDontCare FirmwareDownloadSameSocketSuspendDueToOffline
        FirmwareDownloadSameSocketSuspendDueToOfflineDuringUpdate
        FirmwareDownloadSameSocketSuspendDueToOfflineDuringUpdateNoMessagesCheck
        FirmwareDownloadSameSocketAndBootstrap FirmwareDownloadSameSocketInterruptedByReboot
        FirmwareDownloadSameSocketInterruptedByRebootTwoServers
        FirmwareDownloadSameSocketInterruptedByRebootTwoServersFail
        FirmwareDownloadSameSocketInterruptedByRebootTwoServersCancel
        FirmwareDownloadSameSocketResumptionTimeoutSocket
        FirmwareDownloadSameSocketResumptionDownloadAbortInduceByOtherOperation
        FirmwareDownloadSameSocketResumptionCloseSocket FirmwareUpdateHttpRequestTimeoutTest
        FirmwareUpdateHttpRequestTimeoutTest20sec
    """.split(),
    "default/firmware_update11.py": """
        FirmwareUpdateModuleWithLwM2MResourcesBase UpdateSeverity FirmwareUpdateCancelDuringIdleTest
        FirmwareUpdateCancelDuringDownloadingTest FirmwareUpdateCancelDuringDownloadedTest
        FirmwareUpdateCancelDuringUpdatingTest FirmwareUpdateCancelAndUpdateAgainTest
        FirmwareUpdateMaxDeferPeriodInvalidValueTest FirmwareUpdateMaxDeferPeriodValidValueTest
        FirmwareUpdateWithDefer FirmwareUpdateSeverityWriteInvalidValueTest
        FirmwareUpdateSeverityWriteValidValueTest FirmwareUpdateSeverityReadTest FirmwareUpdateLastStateChangeTime
        FirmwareUpdateLastStateChangeTimeWithDelayedSuccessTest FirmwareUpdateLastStateChangeTimeWithDeferTest
        FirmwareUpdateSeverityPersistenceTest FirmwareUpdateDeadlinePersistenceTest
    """.split(),
    "testfest/dm/firmware_update.py": """
        FirmwareUpdate FirmwareUpdateWithHttpServer Test751_FirmwareUpdate_QueryingTheReadableResources
        Test755_FirmwareUpdate_SettingTheWritableResourcePackage
        Test756_FirmwareUpdate_SettingTheWritableResourcePackageURI
        Test760_FirmwareUpdate_BasicObservationAndNotificationOnFirmwareUpdateObjectResources
        Test770_FirmwareUpdate_SuccessfulFirmwareUpdateViaCoAP
        Test771_FirmwareUpdate_SuccessfulFirmwareUpdateViaAlternateMechanism
        Test772_FirmwareUpdate_ErrorCase_FirmwarePackageNotDownloaded
        Test773_FirmwareUpdate_ErrorCase_NotEnoughStorage_FirmwareURI
        Test773_FirmwareUpdate_ErrorCase_NotEnoughStorage_FirmwareURI_CoAP
        Test774_FirmwareUpdate_ErrorCase_OutOfMemory FirmwareUpdate_ErrorCase_OutOfMemory_PackageURI
        Test775_FirmwareUpdate_ErrorCase_ConnectionLostDuringDownloadPackageURI
        Test775_FirmwareUpdate_ErrorCase_ConnectionLostDuringDownloadPackageURI_CoAP
        Test776_FirmwareUpdate_ErrorCase_CRCCheckFail FirmwareUpdate_ErrorCase_CRCCheckFail_PackageURI
        Test777_FirmwareUpdate_ErrorCase_UnsupportedPackageType
        FirmwareUpdate_ErrorCase_UnsupportedPackageType_PackageURI Test778_FirmwareUpdate_ErrorCase_InvalidURI
        Test779_FirmwareUpdate_ErrorCase_UnsuccessfulFirmwareUpdate
        FirmwareUpdate_ErrorCase_UnsuccessfulFirmwareUpdate_PackageURI
    """.split(),
    "default/queue_mode.py": """
        QueueMode QueueModeBehaviour QueueModePreferenceIneffectiveForLwm2m10 ForceQueueMode ForceOnlineMode
        Lwm2m11QueueMode Lwm2m11UQBinding QueueModeAfterManualReconnect QueueModeAfterTimedOutSend TlsQueueMode
        NosecTcpQueueMode ReconnectServerIgnoredDuringQueueMode ReconnectServerDuringQueueMode
        ForceReregisterDuringQueueMode
    """.split(),
    "default/connection_id.py": """
        UdpProxy CoapServerWithProxy DtlsConnectionIdTest DtlsWithoutConnectionIdTest
    """.split(),
    "default/bootstrap_pack.py": """
        BootstrapPackTest BootstrapPackBasicTest BootstrapPackFallbackTest BootstrapPackBlockTest
    """.split(),
}
